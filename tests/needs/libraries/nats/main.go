// Needs: ca possible
package main

import (
	"fmt"
	"github.com/nats-io/nats.go"
)

func main() { c, err := nats.Connect("tls://x"); fmt.Println(c, err) }
