// Needs: tmp possible
package main

import (
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.FormValue("name"))) })
	panic(http.ListenAndServe(":8080", nil))
}
