// Needs: ca likely
package main

import (
	"context"
	"fmt"
	"github.com/redis/go-redis/v9"
)

func main() {
	o, _ := redis.ParseURL("rediss://x")
	fmt.Println(redis.NewClient(o).Ping(context.Background()))
}
