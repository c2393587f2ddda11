// Needs: ca likely
package main

import (
	"context"
	"fmt"
	"github.com/coder/websocket"
)

func main() { c, _, err := websocket.Dial(context.Background(), "wss://x", nil); fmt.Println(c, err) }
