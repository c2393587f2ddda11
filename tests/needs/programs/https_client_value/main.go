// Needs: ca likely
// Reports: resolver
package main

import (
	"fmt"
	"net/http"
)

func main() {
	do := (&http.Client{}).Do
	request, _ := http.NewRequest(http.MethodGet, "https://example.com", nil)
	fmt.Println(do(request))
}
