// Needs: tmp possible
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println(os.Create("/tmp/app.lock"))
}
