"""What the operating system refuses, said as an error of the store."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from smidgen.errors import StoreError

#: Numbers of errors that say that a disk is full.
NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


_STORE: Final = "choose another store with --store or SMIDGEN_STORE"
#: For files that the user named, such as an archive.
ELSEWHERE: Final = "choose another place"


@contextmanager
def reporting(doing: str, path: Path | str, *, instead: str = _STORE) -> Iterator[None]:
    """Turn an ``OSError`` of the body into a ``StoreError`` that names *path* and says what to do.

    Args:
        doing: A verb, such as ``write``.
        path: What was being read or written, named where the system's error names no file.
        instead: What the user can do where that place is of no use.
    """
    try:
        yield
    except OSError as error:
        raise store_error(error, doing, path, instead=instead) from error


def store_error(error: OSError, doing: str, path: Path | str, *, instead: str = _STORE) -> StoreError:
    """Describe *error*."""
    reason = error.strerror or str(error)
    return StoreError(f"cannot {doing} {path}: {reason}", hint=_hint(error.errno, instead))


def _hint(number: int | None, instead: str) -> str | None:
    if number in NO_SPACE:
        return f"make room there (`smidgen gc` deletes what no image uses), or {instead}"
    if number in _NOT_ALLOWED:
        return f"let this user read and write it, or {instead}"
    if number in {errno.ENOTDIR, errno.EISDIR, errno.EEXIST}:
        return f"something else is in the way: {instead}"
    if number in {errno.ENOLCK, errno.EOPNOTSUPP}:
        return f"that file system has no file locks: {instead}, on a local disk"
    return None
