// A web server of system calls alone, so that the Go toolchains in images have little to compile.
package main

import (
	"strconv"
	"syscall"
)

func main() {
	listener, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		panic(err)
	}
	if err := syscall.Bind(listener, &syscall.SockaddrInet4{Port: 8080}); err != nil {
		panic(err)
	}
	if err := syscall.Listen(listener, 16); err != nil {
		panic(err)
	}
	body := greeting() + " " + strconv.Itoa(syscall.Getuid())
	answer := "HTTP/1.0 200 OK\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	request := make([]byte, 65536)
	for {
		connection, _, err := syscall.Accept(listener)
		if err != nil {
			continue
		}
		syscall.Read(connection, request)
		syscall.Write(connection, []byte(answer))
		syscall.Close(connection)
	}
}
