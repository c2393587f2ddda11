// Needs: nothing. Only $HOME is asked.
package main

import (
	"fmt"
	"os"
)

func main() {
	home, err := os.UserHomeDir()
	fmt.Println(home, err)
	fmt.Println(os.UserCacheDir())
}
