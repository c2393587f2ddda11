// Says who it runs as. It asks for its user's name, so its image holds /etc/passwd.
package main

import (
	"fmt"
	"log"
	"os/user"
)

func main() {
	me, err := user.Current()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("user: %s (uid: %s)\n", me.Username, me.Uid)
}
