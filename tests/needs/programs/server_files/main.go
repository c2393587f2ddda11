// Needs: nothing.
// Reports: mime
package main

import (
	"net/http"
)

func main() {
	panic(http.ListenAndServe(":8080", http.FileServer(http.Dir("/data"))))
}
