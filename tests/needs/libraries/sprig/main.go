// Needs: tz likely
package main

import (
	"github.com/Masterminds/sprig/v3"
	"os"
	"text/template"
)

func main() {
	template.Must(template.New("x").Funcs(sprig.FuncMap()).Parse("{{now}}")).Execute(os.Stdout, nil)
}
