module example.com/c

go 1.24

require (
	github.com/DataDog/zstd v1.5.7
	github.com/mattn/go-sqlite3 v1.14.53
	github.com/valyala/gozstd v1.24.0
)
