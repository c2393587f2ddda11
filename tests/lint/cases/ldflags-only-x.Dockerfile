FROM golang:1.25.4 AS build
WORKDIR /src
COPY . .
ARG VERSION
RUN --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath \
      -ldflags "-X main.version=$VERSION" \
      -o /out/app .
FROM scratch
COPY --from=build /out/app /app
USER 65532
ENTRYPOINT ["/app"]
