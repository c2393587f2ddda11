FROM golang AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/app .
FROM gcr.io/distroless/static:nonroot
COPY --from=alpine /etc/os-release /etc/os-release
COPY --from=build /out/app /app
ENTRYPOINT ["/app"]
