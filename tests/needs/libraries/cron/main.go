// Needs: tz likely
package main

import (
	"fmt"
	"github.com/robfig/cron/v3"
)

func main() { c := cron.New(); c.AddFunc("@every 1s", func() { fmt.Println(1) }); c.Run() }
