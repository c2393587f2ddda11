FROM golang:1.25.4
RUN go build .
COPPY . .
