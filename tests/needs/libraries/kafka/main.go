// Needs: ca possible
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"github.com/segmentio/kafka-go"
)

func main() {
	d := &kafka.Dialer{TLS: &tls.Config{}}
	c, err := d.DialContext(context.Background(), "tcp", "x:1")
	fmt.Println(c, err)
}
