// Needs: nothing
package main

import (
	"fmt"
	bolt "go.etcd.io/bbolt"
)

func main() { c, err := bolt.Open("/data/x", 0600, nil); fmt.Println(c, err) }
