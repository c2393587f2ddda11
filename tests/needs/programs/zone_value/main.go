// Needs: tz likely. Who calls a function value cannot be seen.
package main

import (
	"fmt"
	"os"
	"time"
)

var load = time.LoadLocation

func main() {
	zone, err := load(os.Getenv("ZONE"))
	fmt.Println(time.Now().In(zone), err)
}
