// Needs: nothing
package main

import (
	"go.uber.org/zap"
)

func main() { l, _ := zap.NewProduction(); l.Info("x") }
