"""Blobs that have come half way: kept for the next run, checked again by it.

``partial/HEX`` holds the first bytes of the blob of that digest, as many as the file is long. Its writer holds it
locked, so that two processes never fetch the same blob at once.
"""

import hashlib
import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from smidgen.errors import DigestMismatch, SizeMismatch
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest, encoded
from smidgen.store.blobs import CHUNK, WRITE, Blobs
from smidgen.store.faults import reporting
from smidgen.store.locks import try_lock

# Seconds until nobody is expected to come back for the rest.
_MAX_AGE: Final = 7 * 24 * 3600
_POLL: Final = 0.05


class Partial:
    """The beginning of a blob, open for more.

    Attributes:
        size: Bytes there are.
    """

    def __init__(self, path: str, file: io.FileIO, descriptor: Descriptor) -> None:
        self.path: str | None = path
        self.size = 0
        self._file = file
        self._descriptor = descriptor
        self._sha256 = hashlib.sha256()
        with reporting("read", path):
            if os.fstat(file.fileno()).st_size > descriptor.size:
                file.truncate(0)
            buffer = memoryview(bytearray(CHUNK))
            while count := file.readinto(buffer):
                self._sha256.update(buffer[:count])
                self.size += count

    @property
    def digest(self) -> Digest:
        """Of the whole blob, not of what is there."""
        return self._descriptor.digest

    def write(self, data: memoryview) -> None:
        """Append *data*, which must not go beyond the blob's size."""
        self._sha256.update(data)
        self.size += len(data)
        with reporting("write", self.path or ""):
            while data:
                data = data[self._file.write(data[:WRITE]) or 0 :]

    def clear(self) -> None:
        """Throw away what is there."""
        with reporting("write", self.path or ""):
            self._file.truncate(0)
            self._file.seek(0)
        self.size = 0
        self._sha256 = hashlib.sha256()

    def check(self, what: str) -> None:
        """Compare what is there with the descriptor.

        Args:
            what: Names the blob in errors, and perhaps where it came from.

        Raises:
            SizeMismatch: It is not whole.
            DigestMismatch: It is something else.
        """
        want = self._descriptor
        if self.size != want.size:
            raise SizeMismatch(want=want.size, got=self.size, what=what)
        if (got := "sha256:" + self._sha256.hexdigest()) != want.digest:
            raise DigestMismatch(want=want.digest, got=got, what=what)

    def move(self, target: str) -> None:
        """Rename it to *target*, replacing what is there."""
        if self.path is None:
            raise ValueError("already moved")
        os.rename(self.path, target)
        self.path = None

    def close(self) -> None:
        """Let others have it; what is empty is deleted."""
        if self.path is not None and not self.size:
            with suppress(OSError):
                os.unlink(self.path)
        self._file.close()


@contextmanager
def partial(
    blobs: Blobs, directory: str, descriptor: Descriptor, waiting: Callable[[float], None]
) -> Iterator[Partial | None]:
    """Open the beginning of *descriptor* for more; ``ContentStore.commit_partial`` makes it a blob.

    Args:
        blobs: Where the whole blob belongs.
        directory: Where beginnings are.
        descriptor: Which blob.
        waiting: Called again and again while another process has it, with the seconds to sleep.

    Yields:
        The beginning, or None where the blob is stored by now.

    Raises:
        StoreError: It cannot be made, read or locked.
    """
    file = _locked(blobs, directory, descriptor, waiting)
    if file is None:
        yield None
        return
    try:
        opened = Partial(f"{directory}/{encoded(descriptor.digest)}", file, descriptor)
    except BaseException:
        file.close()
        raise
    try:
        yield opened
    finally:
        opened.close()


def _locked(blobs: Blobs, directory: str, descriptor: Descriptor, waiting: Callable[[float], None]) -> io.FileIO | None:
    path = f"{directory}/{encoded(descriptor.digest)}"
    while blobs.stat(descriptor.digest) != descriptor.size:
        with reporting("write", path):
            try:
                number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            except FileNotFoundError:
                os.makedirs(directory, exist_ok=True)
                continue
        file = io.FileIO(number, "r+b")
        try:
            # Its last writer may have moved it into place between our opening and our locking: then it is a blob.
            if try_lock(number) and _is_at(number, path):
                return file
        except BaseException:
            file.close()
            raise
        file.close()
        waiting(_POLL)
    return None


def _is_at(number: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(number), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def sweep_partial(directory: str) -> int:
    """Delete beginnings that nobody has come back for in a week; gives the bytes freed. Hold the lease alone."""
    freed = 0
    oldest = time.time() - _MAX_AGE
    with reporting("read", directory):
        try:
            entries = os.scandir(directory)
        except FileNotFoundError:
            return 0
        with entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    if status.st_mtime < oldest:
                        os.unlink(entry.path)
                        freed += status.st_size
    return freed
