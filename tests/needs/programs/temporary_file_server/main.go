// Needs: tmp certain
package main

import (
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		file, err := os.CreateTemp("", "x")
		if err == nil {
			_ = file.Close()
		}
		_ = r.ParseForm()
	})
	panic(http.ListenAndServe(":8080", nil))
}
