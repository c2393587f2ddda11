FROM golang:1.25.4-alpine3.22 AS build
RUN apk add --no-cache gcc musl-dev
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=1 go build -trimpath -ldflags="-s -w" -o /out/app .
FROM alpine:3.22
COPY --from=build /out/app /app
USER 65532
ENTRYPOINT ["/app"]
