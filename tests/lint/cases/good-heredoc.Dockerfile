FROM golang:1.25.4 AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build <<SCRIPT
set -e
export CGO_ENABLED=0
# go build -a
go build -trimpath -ldflags="-s -w" -o /out/app .
SCRIPT
FROM scratch
COPY --from=build /out/app /app
COPY <<PASSWD /etc/passwd
app:x:1000:1000::/:/app
PASSWD
USER app
ENTRYPOINT ["/app"]
