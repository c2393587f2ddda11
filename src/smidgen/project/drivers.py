"""Libraries that decide what a program can stand on, and the servers that it needs beside it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Library(StrEnum):
    """What of a C library an image has to have."""

    NONE = "none"
    C = "c"
    CXX = "c++"
    VENDOR = "vendor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A library of a program.

    Attributes:
        path: Import path of its packages, or the beginning of it.
        library: What it needs at run time.
        why: Why it needs that, or does not.
        server: The server it talks to: a key of ``compose.SERVERS``; empty for none.
    """

    path: str
    library: Library
    why: str
    server: str = ""


_PURE: Final = "speaks the protocol in Go"
_INSIDE: Final = "is the database itself, in Go"


def _pure(path: str, server: str = "", why: str = _PURE) -> Driver:
    return Driver(path=path, library=Library.NONE, why=why, server=server)


def _cgo(path: str, library: Library, why: str, server: str = "") -> Driver:
    return Driver(path=path, library=library, why=why, server=server)


#: The longest path that fits counts.
DRIVERS: Final = (
    _pure("github.com/lib/pq", "postgres"),
    _pure("github.com/jackc/pgx", "postgres"),
    _pure("github.com/go-pg/pg", "postgres"),
    _pure("github.com/go-sql-driver/mysql", "mysql"),
    _pure("github.com/redis/go-redis", "redis"),
    _pure("github.com/go-redis/redis", "redis"),
    _pure("github.com/gomodule/redigo", "redis"),
    _pure("go.mongodb.org/mongo-driver", "mongo"),
    _pure("github.com/nats-io/nats.go", "nats"),
    _pure("github.com/rabbitmq/amqp091-go", "rabbitmq"),
    _pure("github.com/microsoft/go-mssqldb"),
    _pure("github.com/denisenkom/go-mssqldb"),
    _pure("github.com/ClickHouse/clickhouse-go"),
    _pure("github.com/sijms/go-ora"),
    _pure("github.com/gocql/gocql"),
    _pure("github.com/segmentio/kafka-go"),
    _pure("github.com/twmb/franz-go"),
    _pure("github.com/IBM/sarama"),
    _pure("modernc.org/sqlite", why="is SQLite, translated to Go"),
    _pure("github.com/glebarez/go-sqlite", why="is SQLite, translated to Go"),
    _pure("github.com/ncruces/go-sqlite3", why="runs SQLite as WebAssembly, in Go"),
    _pure("go.etcd.io/bbolt", why=_INSIDE),
    _pure("github.com/dgraph-io/badger", why=_INSIDE),
    _pure("github.com/syndtr/goleveldb", why=_INSIDE),
    _pure("github.com/cockroachdb/pebble", why=_INSIDE),
    _cgo("github.com/mattn/go-sqlite3", Library.C, "is SQLite in C; modernc.org/sqlite needs no C library"),
    _cgo("github.com/mutecomm/go-sqlcipher", Library.C, "is SQLCipher in C"),
    _cgo("github.com/confluentinc/confluent-kafka-go", Library.C, "has librdkafka in C; franz-go needs no C library"),
    _cgo("github.com/marcboeker/go-duckdb", Library.CXX, "is DuckDB in C++"),
    _cgo("github.com/duckdb/duckdb-go", Library.CXX, "is DuckDB in C++"),
    _cgo("github.com/linxGNU/grocksdb", Library.CXX, "is RocksDB in C++"),
    _cgo("github.com/tursodatabase/go-libsql", Library.C, "is libSQL in C"),
    _cgo("github.com/alexbrainman/odbc", Library.VENDOR, "needs unixODBC and a driver of the vendor"),
    _cgo("github.com/godror/godror", Library.VENDOR, "loads Oracle's Instant Client; sijms/go-ora needs none"),
    _cgo("github.com/mattn/go-oci8", Library.VENDOR, "needs Oracle's Instant Client; sijms/go-ora needs none"),
    _cgo("github.com/ibmdb/go_ibm_db", Library.VENDOR, "needs Db2's CLI driver"),
)


def driver_of(import_path: str) -> Driver | None:
    """Find the driver that the package *import_path* is part of."""
    fitting = (one for one in DRIVERS if import_path == one.path or import_path.startswith(f"{one.path}/"))
    return max(fitting, key=lambda one: len(one.path), default=None)
