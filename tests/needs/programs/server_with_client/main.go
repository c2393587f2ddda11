// Needs: ca likely
package main

import (
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		response, err := http.Get("https://example.com")
		if err == nil {
			_ = response.Write(w)
		}
	})
	panic(http.ListenAndServe(":8080", nil))
}
