// Needs: passwd possible
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println(os.ReadFile("/etc/passwd"))
}
