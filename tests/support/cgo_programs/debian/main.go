// Command debian uses two libraries as a distribution compiles them: for glibc, with its checks.
package main

/*
#cgo LDFLAGS: -lsqlite3 -lz -lm
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static int seen;

static int see(void *into, int columns, char **values, char **names) {
	seen = (int)strlen(values[0]);
	return 0;
}

// Through a file: opening, locking, mapping and measuring files is where the C libraries differ.
static int use_database(const char *path) {
	sqlite3 *database;
	if (sqlite3_open(path, &database)) return -1;
	if (sqlite3_exec(database, "pragma mmap_size = 1000000; create table t (x); insert into t values (hex(zeroblob(9)));"
		"select printf('%s', x) from t", see, 0, 0)) return -2;
	sqlite3_close(database);
	return seen;
}

// gzprintf writes by way of a function that checks lengths.
static int use_archive(const char *path) {
	char text[64] = {0};
	gzFile file = gzopen(path, "wb");
	int written = gzprintf(file, "%s %d", "squeezed", 42);
	gzclose(file);
	file = gzopen(path, "rb");
	gzread(file, text, sizeof text - 1);
	gzclose(file);
	return strcmp(text, "squeezed 42") ? -1 : written;
}
*/
import "C"

import "fmt"

func main() {
	fmt.Println("sqlite:", C.use_database(C.CString("/tmp/x.db")), "zlib:", C.use_archive(C.CString("/tmp/x.gz")))
}
