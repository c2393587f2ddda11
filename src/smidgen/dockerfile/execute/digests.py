"""Digests of files, remembered from one build to the next while ``stat`` says that a file is what it was.

A file whose last change is too near to when it was read could be changed once more without anybody seeing it, so
its digest is not remembered (git calls such files "racily clean").
"""

import hashlib
import os
import time
from pathlib import Path
from typing import Final

import msgspec

from smidgen.dockerfile.execute.sources import Item
from smidgen.errors import SourceChanged
from smidgen.store.replace import keep_file

_READ: Final = 1 << 20
_SMALL: Final = 1 << 16
_COARSE_NS: Final = 2_000_000_000
_MOST: Final = 2_000_000

_Signature = tuple[int, int, int, int, int]


class Digests:
    """Digests of the files of one context.

    Args:
        file: Where they are remembered, or None for not at all.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._known: dict[str, tuple[_Signature, str]] = {}
        self._used: dict[str, tuple[_Signature, str]] = {}
        self._is_changed = False
        self._started_ns = time.time_ns()
        if file is not None:
            try:
                self._known = msgspec.msgpack.decode(file.read_bytes(), type=dict[str, tuple[_Signature, str]])
                os.utime(file)
            except (OSError, msgspec.DecodeError):
                self._known = {}

    def of(self, item: Item) -> str:
        """Give the digest of a regular file.

        Raises:
            SourceChanged: It is gone, or not what it was when it was looked at.
        """
        status = item.status
        taken = (status.st_ino, status.st_dev, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        known = self._known.get(item.real)
        if known is not None and tuple(known[0]) == taken:
            self._used[item.real] = known
            return known[1]
        digest = file_digest(item)
        if status.st_ctime_ns < self._started_ns - _COARSE_NS and len(self._used) < _MOST:
            self._used[item.real] = (taken, digest)
            self._is_changed = True
        return digest

    def save(self) -> None:
        """Remember what was used; that it cannot be written is no error."""
        if self._file is None or not (self._is_changed or len(self._used) != len(self._known)):
            return
        keep_file(self._file, msgspec.msgpack.encode(self._used))


def file_digest(item: Item) -> str:
    """Read a regular file and give its digest.

    Raises:
        SourceChanged: It is gone, or has another size than when it was looked at.
    """
    sha256 = hashlib.sha256()
    size = 0
    try:
        descriptor = os.open(item.real, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise SourceChanged(item.real, want=item.status.st_size, got=None) from error
    try:
        # Most files fit into the first piece.
        wanted = _READ if item.status.st_size >= _SMALL else item.status.st_size + 1
        while data := os.read(descriptor, wanted):
            sha256.update(data)
            size += len(data)
    finally:
        os.close(descriptor)
    if size != item.status.st_size:
        raise SourceChanged(item.real, want=item.status.st_size, got=size)
    return sha256.hexdigest()
