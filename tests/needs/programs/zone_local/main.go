// Needs: nothing. time.Local is the business of $TZ and /etc/localtime.
package main

import (
	"fmt"
	"time"
)

func main() {
	moment, _ := time.ParseInLocation(time.RFC1123, "Mon, 02 Jan 2006 15:04:05 MST", time.Local)
	fmt.Println(time.Now().Local(), moment)
}
