// Needs: passwd certain
package main

import (
	"fmt"
	"os/user"
)

func main() {
	fmt.Println(user.LookupGroup("app"))
}
