// Needs: nothing
package main

import (
	"fmt"
	"golang.org/x/crypto/ssh"
)

func main() { c, err := ssh.Dial("tcp", "x:22", &ssh.ClientConfig{User: "x"}); fmt.Println(c, err) }
