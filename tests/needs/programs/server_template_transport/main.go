// Needs: ca possible. Nobody uses the client, but a template makes the linker keep its methods.
package main

import (
	"html/template"
	"net/http"
)

func main() {
	page := template.Must(template.New("page").Parse("hello {{.}}"))
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_ = page.Execute(w, http.DefaultTransport)
	})
	panic(http.ListenAndServe(":8080", nil))
}
