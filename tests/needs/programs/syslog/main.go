// Needs: nothing
// Facts: syslog
// Reports: resolver
package main

import (
	"fmt"
	"log/syslog"
)

func main() {
	fmt.Println(syslog.New(syslog.LOG_INFO, "x"))
}
