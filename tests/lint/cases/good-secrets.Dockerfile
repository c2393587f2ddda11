FROM golang:1.25.4 AS build
ARG TOKEN_FILE=/run/secrets/token
ENV PUBLIC_KEY_URL=https://example.com/key AUTH_HEADER=X-Token PASSWORD_MIN_LENGTH=12
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=netrc,target=/root/.netrc --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/app .
FROM scratch
COPY --from=build /out/app /app
USER 65532
ENTRYPOINT ["/app"]
