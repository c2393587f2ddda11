// Needs: ca likely, passwd likely
package main

import (
	"context"
	"fmt"
	"github.com/jackc/pgx/v5"
)

func main() { c, err := pgx.Connect(context.Background(), "postgres://x"); fmt.Println(c, err) }
