FROM golang:1.25.4 AS build
WORKDIR /src
# smidgen ignore=SM024 everything is wanted
COPY . .
# smidgen ignore=SM005, SM006
RUN CGO_ENABLED=0 \
    # smidgen ignore=no-cache-mounts
    go build -o /out/app .
FROM scratch
COPY --from=build /out/app /app
USER 65532
ENTRYPOINT ["/app"]
