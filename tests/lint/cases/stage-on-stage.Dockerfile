FROM golang:1.25.4 AS base
WORKDIR /src
COPY . .
FROM base AS build
RUN --mount=type=cache,target=/root/.cache/go-build go build -o /app .
FROM base
COPY --from=build /app /app
CMD ["/app"]
