FROM golang:1.25.4 AS build
RUN apt-get update && apt-get install -y upx-ucl
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/app . && upx --best /out/app
FROM scratch
COPY --from=build /out/app /app
USER 65532
ENTRYPOINT ["/app"]
