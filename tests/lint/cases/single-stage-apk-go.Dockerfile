FROM alpine:3.22
RUN apk add --no-cache go git
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build go build -trimpath -ldflags="-s -w" -o /usr/local/bin/app .
USER 1000
CMD ["app"]
