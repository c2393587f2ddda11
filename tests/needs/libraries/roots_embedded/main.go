// Needs: nothing. It brings CA certificates.
// Reports: ca resolver
package main

import (
	"fmt"
	_ "golang.org/x/crypto/x509roots/fallback"
	"net/http"
)

func main() { c, err := http.Get("https://x"); fmt.Println(c, err) }
