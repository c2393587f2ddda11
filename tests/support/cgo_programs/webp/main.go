// Command webp encodes and decodes a picture.
package main

import (
	"fmt"
	"image"
	"image/color"
	"log"

	"github.com/chai2010/webp"
)

func main() {
	picture := image.NewRGBA(image.Rect(0, 0, 8, 8))
	picture.Set(3, 3, color.RGBA{200, 100, 50, 255})
	data, err := webp.EncodeLosslessRGBA(picture)
	if err != nil {
		log.Fatal(err)
	}
	again, err := webp.DecodeRGBA(data)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("webp:", again.At(3, 3))
}
