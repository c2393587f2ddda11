// Needs: ca possible
// Reports: resolver
package main

import (
	"crypto/tls"
	"fmt"
	"net"
)

var wrap = tls.Client

func main() {
	connection, _ := net.Dial("tcp", "example.com:443")
	fmt.Println(wrap(connection, &tls.Config{ServerName: "example.com"}).Handshake())
}
