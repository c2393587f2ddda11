// Needs: ca possible
package main

import (
	"context"
	"fmt"
	"github.com/quic-go/quic-go"
)

func main() { c, err := quic.DialAddr(context.Background(), "x:1", nil, nil); fmt.Println(c, err) }
