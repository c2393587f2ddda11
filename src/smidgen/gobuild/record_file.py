"""Records on disk: each written whole or not at all, few of them kept, a damaged one is none."""

import hashlib
import os
import time
from contextlib import suppress

import msgspec

from smidgen.gobuild.record import FORMAT, Comparison, Record
from smidgen.store.replace import replace_file

SUFFIX = ".record"
_KEPT_PER_PLACE = 16
_KEPT_SECONDS = 90 * 24 * 3600

# Variables that Go reads, and those of them that change nothing in an executable.
_PREFIXES = ("GO", "CGO_")
_NAMES = frozenset(("HOME", "XDG_CONFIG_HOME", "ZIG_LIB_DIR"))
_WITHOUT_EFFECT = frozenset(
    ("GOCACHE", "GOCACHEPROG", "GOTMPDIR", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GOTRACEBACK", "GOTELEMETRYDIR")
)


def is_read_by_go(name: str) -> bool:
    """Tell whether a variable can change what Go makes."""
    return (name.startswith(_PREFIXES) or name in _NAMES) and name not in _WITHOUT_EFFECT


def name_of(texts: list[str]) -> str:
    """Make a name that differs when one of *texts* does, or the form of records."""
    return hashlib.sha256("\0".join([str(FORMAT), *texts]).encode(errors="surrogateescape")).hexdigest()[:32]


def read_record(path: str) -> Record | None:
    """Read the record at *path*; None where there is none that can be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            kept = msgspec.msgpack.decode(file.readall(), type=Record)
    except (OSError, msgspec.DecodeError):
        # A record that cannot be read is no record: the build is done, and another is written.
        return None
    return kept if kept.format == FORMAT else None


def compare_kept(path: str, kept: Record) -> Comparison:
    """Hold *kept*, which was read from *path*, against what is there now, and refresh it where files were touched."""
    comparison = Comparison(kept)
    if comparison.refreshed is not None:
        with suppress(OSError):
            write_record(path, comparison.refreshed)
    return comparison


def keep_record(path: str, fresh: Record) -> None:
    """Write a record, and forget old ones.

    Raises:
        OSError: It cannot be written.
    """
    place = os.path.dirname(path)
    if not os.path.isdir(place):
        os.makedirs(place, exist_ok=True)
        _forget_old(os.path.dirname(place))
    write_record(path, fresh)
    _forget_surplus(place)


def write_record(path: str, kept: Record) -> None:
    """Write a record whole or not at all; of two writers the last one stays.

    Raises:
        OSError: It cannot be written.
    """
    replace_file(path, msgspec.msgpack.encode(kept))


def _forget_surplus(place: str) -> None:
    records = sorted(records_in(place), key=lambda path: os.stat(path).st_mtime_ns, reverse=True)
    for path in records[_KEPT_PER_PLACE:]:
        with suppress(OSError):
            os.unlink(path)


def _forget_old(folder: str) -> None:
    """Forget places where nothing was built for months, as most of them are gone."""
    oldest = time.time() - _KEPT_SECONDS
    for entry in list(os.scandir(folder)):
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False) and entry.stat().st_mtime < oldest:
                for path in os.listdir(entry.path):
                    os.unlink(os.path.join(entry.path, path))
                os.rmdir(entry.path)


def records_in(place: str) -> list[str]:
    """Give the paths of all records in a folder."""
    return [entry.path for entry in os.scandir(place) if entry.name.endswith(SUFFIX)]
