// Needs: ca possible
// Reports: resolver
package main

import (
	"crypto/tls"
	"net"
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		connection, err := net.Dial("tcp", "example.com:443")
		if err == nil {
			_ = tls.Client(connection, &tls.Config{ServerName: "example.com"}).Handshake()
		}
	})
	panic(http.ListenAndServe(":8080", nil))
}
