// Needs: nothing. Every server has the code that loads CA certificates.
package main

import (
	"fmt"
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "ok") })
	panic(http.ListenAndServe(":8080", nil))
}
