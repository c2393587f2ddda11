// Needs: ca possible, tz likely, passwd likely
package main

import (
	"database/sql"
	"fmt"
	_ "github.com/lib/pq"
)

func main() { c, err := sql.Open("postgres", "postgres://x"); fmt.Println(c.Ping(), err) }
