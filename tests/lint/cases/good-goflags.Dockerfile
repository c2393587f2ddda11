FROM golang:1.25.4 AS build
ENV CGO_ENABLED=0 GOFLAGS="-trimpath '-ldflags=-s -w'"
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache go build -o /out/app .
FROM scratch
COPY --from=build /out/app /app
USER 1000:1000
ENTRYPOINT ["/app"]
