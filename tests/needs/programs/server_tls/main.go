// Needs: nothing. A server verifies nobody.
package main

import (
	"net/http"
)

func main() {
	panic(http.ListenAndServeTLS(":8443", "tls.crt", "tls.key", nil))
}
