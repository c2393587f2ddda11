// Needs: ca likely
package main

import (
	"fmt"
	"github.com/go-ldap/ldap/v3"
)

func main() { c, err := ldap.DialURL("ldaps://x"); fmt.Println(c, err) }
