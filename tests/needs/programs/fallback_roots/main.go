// Needs: nothing. It brings CA certificates.
// Reports: ca resolver
package main

import (
	"crypto/x509"
	"fmt"
	"net/http"
)

func main() {
	x509.SetFallbackRoots(x509.NewCertPool())
	fmt.Println(http.Get("https://example.com"))
}
