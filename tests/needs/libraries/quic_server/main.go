// Needs: nothing
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"github.com/quic-go/quic-go"
)

func main() {
	l, err := quic.ListenAddr(":1", &tls.Config{}, nil)
	if err != nil {
		panic(err)
	}
	c, err := l.Accept(context.Background())
	fmt.Println(c, err)
}
