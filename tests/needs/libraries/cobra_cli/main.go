// Needs: nothing
package main

import (
	"fmt"
	"github.com/spf13/cobra"
)

func main() {
	(&cobra.Command{Use: "x", Run: func(*cobra.Command, []string) { fmt.Println(1) }}).Execute()
}
