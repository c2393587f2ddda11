// Needs: passwd likely, tmp likely. Its log files go to /tmp and are named for the user.
package main

import (
	"flag"
	"github.com/golang/glog"
)

func main() { flag.Parse(); glog.Info("x"); glog.Flush() }
