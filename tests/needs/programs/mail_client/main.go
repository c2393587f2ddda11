// Needs: ca possible
// Reports: resolver
package main

import (
	"fmt"
	"net/smtp"
)

func main() {
	fmt.Println(smtp.SendMail("example.com:25", nil, "a@example.com", []string{"b@example.com"}, nil))
}
