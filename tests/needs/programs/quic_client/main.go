// Needs: ca possible
package main

import (
	"context"
	"crypto/tls"
	"fmt"
)

func main() {
	fmt.Println(tls.QUICClient(&tls.QUICConfig{}).Start(context.Background()))
}
