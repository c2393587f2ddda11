FROM golang:1.25.4 AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/app .

FROM golang:latest AS debug
RUN go install github.com/go-delve/delve/cmd/dlv@latest
CMD dlv exec /app

FROM scratch
COPY --from=build /out/app /app
USER 65532
ENTRYPOINT ["/app"]
