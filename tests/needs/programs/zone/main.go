// Needs: tz certain
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	zone, err := time.LoadLocation(os.Getenv("ZONE"))
	fmt.Println(time.Now().In(zone), err)
}
