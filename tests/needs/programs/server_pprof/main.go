// Needs: nothing. The debugging pages read forms for their query only.
package main

import (
	"log/slog"
	"net/http"
	_ "net/http/pprof"
	"os"
)

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	panic(http.ListenAndServe(":8080", nil))
}
