// Tells the time elsewhere. It looks zones up by name, so its image holds zone data.
package main

import (
	"fmt"
	"log"
	"os"
	"time"
)

func main() {
	zones := os.Args[1:]
	if len(zones) == 0 {
		zones = []string{"Europe/Berlin", "America/New_York"}
	}
	// A fixed moment, so that the output says something about the zones and not about the clock.
	moment := time.Date(2025, time.July, 1, 12, 0, 0, 0, time.UTC)
	for _, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-20s %s\n", name, moment.In(zone).Format("15:04 MST"))
	}
}
