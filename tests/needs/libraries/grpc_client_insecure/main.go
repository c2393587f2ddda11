// Needs: nothing. It has no TLS.
package main

import (
	"context"
	"fmt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	c, err := grpc.NewClient("example.com:443", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	fmt.Println(grpc_health_v1.NewHealthClient(c).Check(context.Background(), nil))
}
