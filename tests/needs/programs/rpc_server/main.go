// Needs: nothing. Remote calls look methods up by name, so that the linker keeps them all.
package main

import (
	"net"
	"net/rpc"
)

// Adder is called from afar.
type Adder struct{}

// One adds one.
func (Adder) One(number int, result *int) error {
	*result = number + 1
	return nil
}

func main() {
	_ = rpc.Register(Adder{})
	listener, _ := net.Listen("tcp", ":8080")
	rpc.Accept(listener)
}
