// Needs: nothing
package main

import (
	"os"
	"text/template"
)

func main() {
	_ = template.Must(template.New("page").Parse("hello {{.}}")).Execute(os.Stdout, os.Args)
}
