// Fetches a URL. Over HTTPS it must know whom to trust, so its image holds CA certificates.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: https-client URL")
	}
	response, err := http.Get(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	length, err := io.Copy(io.Discard, response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %d bytes\n", response.Status, length)
}
