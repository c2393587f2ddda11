// Needs: nothing. Names of users in the archive are looked up where there are any.
package main

import (
	"archive/tar"
	"fmt"
	"os"
)

func main() {
	info, _ := os.Stat(os.Args[1])
	header, err := tar.FileInfoHeader(info, "")
	fmt.Println(header, err)
}
