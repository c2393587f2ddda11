FROM golang:1.25.4 AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /app .
FROM ghcr.io/meow/base:1.2 AS base

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /app /app
COPY --from=alpine:3.22 /etc/alpine-release /
COPY --from=registry.example.com:5000/any/thing:1 /x /x
COPY --from=base /etc/motd /motd
ENTRYPOINT ["/app"]
