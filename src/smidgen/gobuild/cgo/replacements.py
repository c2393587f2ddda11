"""Packages in Go alone that do what some packages with C do, as far as is known here.

Smaller images, faster builds and memory safety speak for them; speed, in places, for C. See docs/how-to/cgo.md.
"""

from typing import Final

#: Module or package with C → what there is in Go alone.
_REPLACEMENTS: Final[dict[str, str]] = {
    "github.com/mattn/go-sqlite3": "modernc.org/sqlite",
    "github.com/DataDog/zstd": "github.com/klauspost/compress/zstd",
    "github.com/valyala/gozstd": "github.com/klauspost/compress/zstd",
    "github.com/google/brotli/go/cbrotli": "github.com/andybalholm/brotli",
    "github.com/4kills/go-zlib": "compress/zlib",
    "github.com/confluentinc/confluent-kafka-go": "github.com/twmb/franz-go",
    "github.com/linxGnu/grocksdb": "github.com/cockroachdb/pebble",
    "github.com/tecbot/gorocksdb": "github.com/cockroachdb/pebble",
    "github.com/jmhodges/levigo": "github.com/syndtr/goleveldb",
    "github.com/bmatsuo/lmdb-go": "go.etcd.io/bbolt",
    "github.com/libgit2/git2go": "github.com/go-git/go-git",
    "github.com/google/gopacket/pcap": "github.com/google/gopacket/pcapgo",
    "github.com/pebbe/zmq4": "github.com/go-zeromq/zmq4",
}


def replacement_of(import_path: str) -> str:
    """Give what could be used instead of the package *import_path*; "" where nothing is known."""
    found = (text for path, text in _REPLACEMENTS.items() if import_path == path or import_path.startswith(f"{path}/"))
    return next(found, "")
