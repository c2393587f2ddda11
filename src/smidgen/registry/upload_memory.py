"""Uploads that were begun, so that the next run goes on with them.

The address of an upload lets anyone who has it write to it, so it is kept where this user alone can read it, and
never shown. A record is deleted once its upload is done; ``gc`` deletes what is left of the others.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from smidgen.oci.descriptor import Descriptor
from smidgen.registry.repository import Repository

#: Smaller blobs are begun again sooner than looked up, in bytes.
_LEAST: Final = 1 << 20
_MAX_RECORD: Final = 64 << 10


class _Record(msgspec.Struct, frozen=True):
    # gc knows by the descriptor that the record is of no use without the blob.
    descriptor: Descriptor
    repository: str
    location: str


class Remembered:
    """The record of one upload; without a file it remembers nothing.

    Attributes:
        location: Where the upload is gone on with, or None.
    """

    def __init__(self, path: Path | None, number: int, repository: Repository, descriptor: Descriptor) -> None:
        self._path = path
        self._number = number
        self._repository = str(repository)
        self._descriptor = Descriptor(media_type=descriptor.media_type, digest=descriptor.digest, size=descriptor.size)
        self.location = self._read() if path is not None else None

    def note(self, location: str) -> None:
        """Remember that the upload is gone on with at *location*. Where that cannot be written, it is no error."""
        if self._path is None or location == self.location:
            return
        self.location = location
        data = msgspec.json.encode(_Record(self._descriptor, self._repository, location))
        with suppress(OSError):
            os.ftruncate(self._number, 0)
            os.pwrite(self._number, data, 0)

    def forget(self) -> None:
        """Delete the record."""
        self.location = None
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()
            self._path = None

    def _read(self) -> str | None:
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            record = msgspec.json.decode(os.pread(self._number, _MAX_RECORD, 0), type=_Record)
            if record.repository == self._repository and record.descriptor.digest == self._descriptor.digest:
                return record.location
        return None


@contextmanager
def remembered(directory: Path | None, repository: Repository, descriptor: Descriptor) -> Iterator[Remembered]:
    """Open the record of the upload of a blob to a repository.

    Args:
        directory: Where records are kept; None to remember nothing.
        repository: Where the blob goes.
        descriptor: The blob.
    """
    number, path = -1, None
    if directory is not None and descriptor.size >= _LEAST:
        path = _path(directory, repository, descriptor)
        try:
            number = _opened(path)
        except OSError:
            # Nothing of this is needed for the upload itself; and another process may be at it.
            path = None
    try:
        yield Remembered(path, number, repository, descriptor)
    finally:
        if number >= 0:
            os.close(number)


def forget(directory: Path | None, repository: Repository, descriptor: Descriptor) -> None:
    """Delete the record of an upload that came to its end without us, if there is one."""
    if directory is not None and descriptor.size >= _LEAST:
        with suppress(OSError):
            _path(directory, repository, descriptor).unlink()


def _path(directory: Path, repository: Repository, descriptor: Descriptor) -> Path:
    return directory / hashlib.sha256(f"{repository}@{descriptor.digest}".encode()).hexdigest()


def _opened(path: Path) -> int:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(number)
        raise
    return number
