# an image for finding races is not one to ship small
# smidgen global ignore=SM003,SM005,SM006
FROM golang:1.25.4 AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build CGO_ENABLED=1 go build -race -o /out/app .
FROM debian:12-slim
COPY --from=build /out/app /app
USER 65532
ENTRYPOINT ["/app"]
