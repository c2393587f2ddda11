FROM golang:1.25.4 AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/app .
FROM ubuntu:24.04
COPY --from=build /out/app /app
USER 65532
ENTRYPOINT ["/app"]
