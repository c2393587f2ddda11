FROM golang:1.25.4 AS build
RUN useradd app
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/app .
FROM scratch
COPY --from=build /out/app /app
USER app
ENTRYPOINT ["/app"]
