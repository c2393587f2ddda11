// Needs: nothing. A template makes the linker keep all methods, those that read uploads too.
package main

import (
	"html/template"
	"net/http"
)

func main() {
	page := template.Must(template.New("page").Parse("hello {{.}}"))
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _ = page.Execute(w, r.URL.Path) })
	panic(http.ListenAndServe(":8080", nil))
}
