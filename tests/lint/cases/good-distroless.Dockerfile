FROM golang:1.25.4-alpine3.22 AS build
WORKDIR /src
COPY go.* ./
RUN go mod download && go mod verify
COPY . .
ARG VERSION=dev
RUN --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/ ./cmd/app

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/app /usr/bin/app
EXPOSE 8080
ENTRYPOINT ["/usr/bin/app"]
