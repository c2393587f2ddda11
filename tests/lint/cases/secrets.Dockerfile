FROM golang:1.25.4 AS build
ARG GITHUB_TOKEN
RUN git config --global url."https://${GITHUB_TOKEN}@github.com/".insteadOf "https://github.com/"
COPY id_rsa /root/.ssh/id_rsa
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/app .
FROM scratch
ENV DB_PASSWORD=hunter2
COPY --from=build /out/app /app
USER 65532
ENTRYPOINT ["/app"]
