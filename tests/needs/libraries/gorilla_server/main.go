// Needs: nothing
package main

import (
	"github.com/gorilla/websocket"
	"net/http"
)

func main() {
	var u websocket.Upgrader
	panic(http.ListenAndServe(":1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c, _ := u.Upgrade(w, r, nil); c.Close() })))
}
