// Needs: tmp likely. Who calls a function value cannot be seen.
package main

import (
	"fmt"
	"os"
)

var create = os.CreateTemp

func main() {
	fmt.Println(create("", "x"))
}
