// Needs: tmp possible
package main

import (
	"html/template"
	"net/http"
	"os"
)

func main() {
	page := template.Must(template.New("page").Parse("hello {{.}}"))
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_ = page.Execute(w, os.WriteFile("/tmp/last", nil, 0o600))
	})
	panic(http.ListenAndServe(":8080", nil))
}
