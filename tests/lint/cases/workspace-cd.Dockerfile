FROM golang:1.25.4 AS build
COPY . /src
RUN --mount=type=cache,target=/root/.cache/go-build \
    cd /src/cmd/app && env CGO_ENABLED=0 /usr/local/go/bin/go build -o /bin/app
FROM alpine:3.22
COPY --from=build /bin/app /bin/app
USER 1000
CMD ["/bin/app"]
