FROM golang:1.25.4 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make build
FROM gcr.io/distroless/base-debian12:nonroot
COPY --from=build /src/bin/app /app
ENTRYPOINT ["/app"]
