FROM golang:1.25.4-alpine3.22 AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build cd cmd/app && go build -trimpath -ldflags="-s -w" -o /out/app
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/app /app
ENTRYPOINT ["/app"]
