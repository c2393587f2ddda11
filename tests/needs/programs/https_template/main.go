// Needs: ca likely
// Reports: resolver
package main

import (
	"net/http"
	"os"
	"text/template"
)

func main() {
	response, _ := http.Get("https://example.com")
	_ = template.Must(template.New("page").Parse("{{.Status}}")).Execute(os.Stdout, response)
}
