// Command gozstd compresses and decompresses.
package main

import (
	"bytes"
	"fmt"
	"log"

	"github.com/valyala/gozstd"
)

func main() {
	text := bytes.Repeat([]byte("the same again, "), 1000)
	packed, err := gozstd.Compress(nil, text), error(nil)
	if err != nil {
		log.Fatal(err)
	}
	again, err := gozstd.Decompress(nil, packed)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("zstd:", len(packed) < 100, bytes.Equal(text, again))
}
