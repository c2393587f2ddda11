// Needs: nothing. That is another directory.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println(os.Create("/var/tmp/app.lock"))
}
