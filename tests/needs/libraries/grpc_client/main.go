// Needs: ca possible
package main

import (
	"context"
	"fmt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	c, err := grpc.NewClient("example.com:443", grpc.WithTransportCredentials(credentials.NewTLS(nil)))
	if err != nil {
		panic(err)
	}
	fmt.Println(grpc_health_v1.NewHealthClient(c).Check(context.Background(), nil))
}
