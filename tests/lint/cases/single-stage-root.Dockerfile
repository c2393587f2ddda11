FROM golang:latest
WORKDIR /app
COPY . .
RUN go build -o server .
USER root
CMD ["./server"]
