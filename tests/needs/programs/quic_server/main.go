// Needs: nothing
package main

import (
	"context"
	"crypto/tls"
	"fmt"
)

func main() {
	fmt.Println(tls.QUICServer(&tls.QUICConfig{}).Start(context.Background()))
}
