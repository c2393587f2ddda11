// Needs: ca possible
package main

import (
	"crypto/x509"
	"io"
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		certificate, err := x509.ParseCertificate(data)
		if err == nil {
			_, err = certificate.Verify(x509.VerifyOptions{})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	panic(http.ListenAndServe(":8080", nil))
}
