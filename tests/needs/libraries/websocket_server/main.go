// Needs: nothing
package main

import (
	"github.com/coder/websocket"
	"net/http"
)

func main() {
	panic(http.ListenAndServe(":1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c, _ := websocket.Accept(w, r, nil); c.CloseNow() })))
}
