# escape=`
FROM golang:1.25.4 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build `
    -o /out/app .
FROM scratch
COPY --from=build /out/app /app
USER 65532
ENTRYPOINT ["/app"]
