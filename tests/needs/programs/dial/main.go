// Needs: nothing
// Reports: resolver
package main

import (
	"fmt"
	"net"
)

func main() {
	fmt.Println(net.Dial("tcp", "example.com:80"))
}
