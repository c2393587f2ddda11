// Command grpchealth serves the health service of gRPC, as most servers do, with a service in each state.
package main

import (
	"log"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	status := health.NewServer()
	status.SetServingStatus("example.v1.Well", grpc_health_v1.HealthCheckResponse_SERVING)
	status.SetServingStatus("example.v1.Ill", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, status)
	println(listener.Addr().String())
	log.Fatal(server.Serve(listener))
}
