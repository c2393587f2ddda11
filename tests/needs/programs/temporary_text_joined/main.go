// Needs: tmp possible
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	fmt.Println(os.Create(filepath.Join("/tmp", os.Args[1])))
}
