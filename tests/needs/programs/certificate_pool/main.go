// Needs: ca certain
package main

import (
	"crypto/x509"
	"fmt"
)

func main() {
	fmt.Println(x509.SystemCertPool())
}
