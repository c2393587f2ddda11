"""What the operating system refuses, said as an error of the store."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smidgen.errors import StoreError

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@contextmanager
def reporting(doing: str, path: Path | str) -> Iterator[None]:
    """Turn an ``OSError`` of the body into a ``StoreError`` that names *path* and says what to do.

    Args:
        doing: A verb, such as ``write``.
        path: What was being read or written, named where the system's error names no file.
    """
    try:
        yield
    except OSError as error:
        raise store_error(error, doing, path) from error


def store_error(error: OSError, doing: str, path: Path | str) -> StoreError:
    """Describe *error*."""
    reason = error.strerror or str(error)
    return StoreError(f"cannot {doing} {path}: {reason}", hint=_hint(error.errno))


def _hint(number: int | None) -> str | None:
    if number in _NO_SPACE:
        return "make room there (`smidgen gc` deletes what no image uses), or choose another store with --store"
    if number in _NOT_ALLOWED:
        return "make it writable for this user, or choose another store with --store or SMIDGEN_STORE"
    if number in {errno.ENOTDIR, errno.EISDIR, errno.EEXIST}:
        return "something else is in the way: choose another store with --store or SMIDGEN_STORE"
    if number in {errno.ENOLCK, errno.EOPNOTSUPP}:
        return "that file system has no file locks: choose a store on a local disk with --store"
    return None
