// Needs: ca likely, tmp likely. It renames certificates into place.
package main

import (
	"golang.org/x/crypto/acme/autocert"
	"net/http"
)

func main() { panic(http.Serve(autocert.NewListener("x"), nil)) }
