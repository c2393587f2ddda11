// Needs: tmp certain
package main

import (
	"os"
	"text/template"
)

func main() {
	file, _ := os.CreateTemp("", "x")
	_ = template.Must(template.New("page").Parse("{{.}}")).Execute(file, 1)
}
