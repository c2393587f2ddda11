// Needs: nothing
package main

import (
	"github.com/miekg/dns"
)

func main() {
	panic(dns.ListenAndServe(":53", "udp", dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) { w.WriteMsg(r) })))
}
