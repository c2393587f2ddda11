// Needs: ca likely
// Reports: resolver
package main

import (
	"context"
	"crypto/tls"
	"fmt"
)

func main() {
	fmt.Println((&tls.Dialer{}).DialContext(context.Background(), "tcp", "example.com:443"))
}
