// Needs: ca possible. That the roots are its own cannot be seen.
package main

import (
	"crypto/x509"
	"fmt"
	"os"
)

func main() {
	data, _ := os.ReadFile(os.Args[1])
	certificate, _ := x509.ParseCertificate(data)
	fmt.Println(certificate.Verify(x509.VerifyOptions{Roots: x509.NewCertPool()}))
}
