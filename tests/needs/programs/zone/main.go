// Needs: tz certain
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	zone, err := time.LoadLocation(os.Getenv("ZONE"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(time.Now().In(zone), err)
}
