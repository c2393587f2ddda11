// Needs: nothing
package main

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"flag"
	"net/netip"
	"net/url"
	"os"
)

func main() {
	flag.Parse()
	var value any
	_ = json.NewDecoder(bufio.NewReader(os.Stdin)).Decode(&value)
	_ = xml.NewEncoder(os.Stdout).Encode(value)
	address, _ := url.Parse(os.Args[1])
	println(netip.MustParseAddr(address.Host).String())
}
