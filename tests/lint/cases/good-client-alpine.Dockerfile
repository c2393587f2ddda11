FROM golang:1.25.4-alpine3.22 AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/app .
FROM alpine:3.22
RUN adduser -D -H app
COPY --from=build /out/app /usr/local/bin/app
USER app
CMD ["app"]
