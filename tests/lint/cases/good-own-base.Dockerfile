ARG REGISTRY=registry.example.com
FROM ${REGISTRY}/go-builder:2025-11 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/app . # with a cache of its own
FROM ${REGISTRY}/runtime:7
COPY --from=build /out/app /app
ENTRYPOINT ["/app"]
