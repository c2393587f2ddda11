// Needs: nothing. It has the zones in itself.
// Reports: tz
package main

import (
	"fmt"
	"os"
	"time"
	_ "time/tzdata"
)

func main() {
	zone, err := time.LoadLocation(os.Getenv("ZONE"))
	fmt.Println(time.Now().In(zone), err)
}
