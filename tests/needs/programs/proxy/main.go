// Needs: ca likely
// Reports: resolver
package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"
)

func main() {
	target, _ := url.Parse("https://example.com")
	panic(http.ListenAndServe(":8080", httputil.NewSingleHostReverseProxy(target)))
}
