// Needs: passwd likely, tmp likely. Its log files go to /tmp and are named for the user.
package main

import (
	"flag"
	"k8s.io/klog/v2"
)

func main() { klog.InitFlags(nil); flag.Parse(); klog.Info("x"); klog.Flush() }
