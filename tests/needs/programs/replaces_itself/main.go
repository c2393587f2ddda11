// Needs: nothing
// Facts: starts-programs
package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	fmt.Println(syscall.Exec("/bin/ls", os.Args, nil))
}
