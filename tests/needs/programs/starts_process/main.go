// Needs: nothing
// Facts: starts-programs
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println(os.StartProcess("/bin/ls", nil, &os.ProcAttr{}))
}
