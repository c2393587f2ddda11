// Needs: tmp certain
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println(os.MkdirTemp("", "x"))
}
