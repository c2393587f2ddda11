// Command zstd compresses and decompresses.
package main

import (
	"bytes"
	"fmt"
	"log"

	"github.com/DataDog/zstd"
)

func main() {
	text := bytes.Repeat([]byte("the same again, "), 1000)
	packed, err := zstd.Compress(nil, text)
	if err != nil {
		log.Fatal(err)
	}
	again, err := zstd.Decompress(nil, packed)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("zstd:", len(packed) < 100, bytes.Equal(text, again))
}
