// Needs: ca possible, tz likely
package main

import (
	"database/sql"
	"fmt"
	_ "github.com/go-sql-driver/mysql"
)

func main() { c, err := sql.Open("mysql", "x"); fmt.Println(c.Ping(), err) }
