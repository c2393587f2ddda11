// Needs: nothing
// Facts: starts-programs
package main

import (
	"net/http"
	"net/http/cgi"
)

func main() {
	panic(http.ListenAndServe(":8080", &cgi.Handler{Path: "/app"}))
}
