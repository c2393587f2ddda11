FROM golang:1.25.4 AS build
ARG GO_FLAGS
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build CGO_ENABLED=0 go build $GO_FLAGS -o /out/app .
FROM scratch
COPY --from=build /out/app /app
USER 65532
ENTRYPOINT ["/app"]
