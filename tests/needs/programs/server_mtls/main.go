// Needs: nothing. It verifies its clients against certificates of its own.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
)

func main() {
	data, _ := os.ReadFile("clients.pem")
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(data)
	settings := &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	server := &http.Server{Addr: ":8443", TLSConfig: settings}
	panic(server.ListenAndServeTLS("tls.crt", "tls.key"))
}
