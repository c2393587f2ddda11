// Command sqlite counts in a database, half of it on disk.
package main

import (
	"database/sql"
	"fmt"
	"log"

	_ "github.com/mattn/go-sqlite3"
)

func main() {
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`create table n (i integer); insert into n values (40), (2);
		pragma temp_store = file; create temp table big as select zeroblob(1000000) as b from n`); err != nil {
		log.Fatal(err)
	}
	var sum, size int
	if err := db.QueryRow(`select sum(i), (select sum(length(b)) from big) from n`).Scan(&sum, &size); err != nil {
		log.Fatal(err)
	}
	fmt.Println("sqlite:", sum, size)
}
