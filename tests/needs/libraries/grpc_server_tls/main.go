// Needs: nothing. Its credentials could also be used by a client, which it is not.
package main

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"net"
)

func main() {
	k, _ := credentials.NewServerTLSFromFile("a", "b")
	s := grpc.NewServer(grpc.Creds(k))
	grpc_health_v1.RegisterHealthServer(s, health.NewServer())
	l, _ := net.Listen("tcp", ":1")
	panic(s.Serve(l))
}
