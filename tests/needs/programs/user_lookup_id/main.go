// Needs: passwd certain
package main

import (
	"fmt"
	"os/user"
)

func main() {
	fmt.Println(user.LookupId("1000"))
}
