// Needs: ca likely
// Reports: resolver
package main

import (
	"crypto/tls"
	"fmt"
)

func main() {
	fmt.Println(tls.Dial("tcp", "example.com:443", nil))
}
