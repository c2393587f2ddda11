// Needs: tmp possible
package main

import (
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		file, _, err := r.FormFile("file")
		if err == nil {
			_ = file.Close()
		}
	})
	panic(http.ListenAndServe(":8080", nil))
}
