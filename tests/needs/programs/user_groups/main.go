// Needs: passwd certain
package main

import (
	"fmt"
	"os/user"
)

func main() {
	me := user.User{Username: "app", Gid: "1000"}
	fmt.Println(me.GroupIds())
}
