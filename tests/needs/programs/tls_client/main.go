// Needs: ca possible
// Reports: resolver
package main

import (
	"crypto/tls"
	"fmt"
	"net"
)

func main() {
	connection, _ := net.Dial("tcp", "example.com:443")
	fmt.Println(tls.Client(connection, &tls.Config{ServerName: "example.com"}).Handshake())
}
