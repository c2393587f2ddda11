// Needs: ca possible
package main

import (
	"fmt"
	"github.com/gorilla/websocket"
)

func main() { c, _, err := websocket.DefaultDialer.Dial("wss://x", nil); fmt.Println(c, err) }
