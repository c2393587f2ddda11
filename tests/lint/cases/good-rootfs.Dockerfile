FROM golang:1.25.4 AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /rootfs/app .
RUN mkdir -p /rootfs/etc/ssl/certs /rootfs/tmp && cp /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/
FROM scratch
COPY --from=build /rootfs/ /
USER 65532
ENTRYPOINT ["/app"]
