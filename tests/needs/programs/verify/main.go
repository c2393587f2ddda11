// Needs: ca possible
package main

import (
	"crypto/x509"
	"fmt"
	"os"
)

func main() {
	data, _ := os.ReadFile(os.Args[1])
	certificate, _ := x509.ParseCertificate(data)
	fmt.Println(certificate.Verify(x509.VerifyOptions{}))
}
