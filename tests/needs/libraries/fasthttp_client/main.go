// Needs: ca possible
package main

import (
	"fmt"
	"github.com/valyala/fasthttp"
)

func main() { s, b, err := fasthttp.Get(nil, "https://x"); fmt.Println(s, b, err) }
