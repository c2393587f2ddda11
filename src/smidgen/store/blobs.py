"""Blobs on disk: written under a temporary name, moved into place whole, checked when they are read.

Nothing is synced to the disk here. A killed process loses nothing that it has written, and after a
power failure a blob may be short or empty: then its size tells, it counts as absent and is written
again; what has the right size is checked by its digest at each read. Measured on ext4: a new blob
of 3 MB takes 0.7 ms, with ``fsync`` 6 ms, one of 30 MB 11 ms and 29 ms.
"""

import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from smidgen.errors import DigestMismatch, NotFound, SizeMismatch
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest, encoded, parse_digest
from smidgen.store.faults import reporting, store_error
from smidgen.store.locks import try_lock

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Read and write size, in bytes: large enough that hashing runs without the interpreter's lock.
CHUNK: Final = 1 << 20
#: Bytes written at once. Linux 6.16 and later give a file larger pages for larger writes, and where a machine's memory
#: is not all at hand these take long: 400 MB took 0.14 s of the processor in pieces of 128 KiB, 0.5 to 1.4 s of 1 MiB.
WRITE: Final = 128 << 10
_ENCODED: Final = re.compile(r"^[a-f0-9]{64}\Z")


class Finished(Protocol):
    """A file with the content of a blob, which is not in its place yet."""

    def move(self, target: str) -> None:
        """Rename it to *target*, replacing what is there."""
        ...


class Blobs:
    """The files under ``blobs/`` and ``ingest/`` of the layout at *root*."""

    def __init__(self, root: Path) -> None:
        self._directory = f"{root}/blobs/sha256"
        self._ingest = f"{root}/ingest"

    def path(self, digest: Digest) -> str:
        """Name the file of *digest*, there or not."""
        return f"{self._directory}/{encoded(parse_digest(digest))}"

    def stat(self, digest: Digest) -> int | None:
        """Give the size of the stored file in bytes, or None."""
        path = self.path(digest)
        try:
            return os.stat(path).st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise store_error(error, "read", path) from error

    def open(self, descriptor: Descriptor) -> BinaryIO:
        """Open a blob whose reader checks size and digest; see ``VerifiedReader``."""
        path = self.path(descriptor.digest)
        try:
            file = io.FileIO(path)
        except FileNotFoundError:
            raise _absent(descriptor) from None
        except OSError as error:
            raise store_error(error, "read", path) from error
        try:
            _check_size(file, descriptor)
            return io.BufferedReader(VerifiedReader(file, descriptor), CHUNK)
        except BaseException:
            file.close()
            raise

    def get(self, descriptor: Descriptor) -> bytes:
        """Read a small blob whole and check it."""
        path = self.path(descriptor.digest)
        try:
            with io.FileIO(path) as file:
                _check_size(file, descriptor)
                data = file.readall()
        except FileNotFoundError:
            raise _absent(descriptor) from None
        except OSError as error:
            raise store_error(error, "read", path) from error
        try:
            descriptor.verify(data)
        except DigestMismatch as error:
            raise _damaged(descriptor, error.got) from None
        return data

    @contextmanager
    def ingest(self) -> Iterator["Ingest"]:
        """Open a new temporary file; it is deleted on leaving unless it was moved into place."""
        ingest = Ingest.create(self._ingest)
        try:
            yield ingest
        finally:
            ingest.close()

    def commit(self, ingest: Finished, digest: Digest) -> None:
        """Move a finished temporary file to its place as a blob.

        What is there already is replaced: it has the same bytes, or it is damaged.
        """
        target = self.path(digest)
        with reporting("write", target):
            try:
                ingest.move(target)
            except FileNotFoundError:
                # An image layout that another tool made may lack the directory.
                os.makedirs(self._directory, exist_ok=True)
                ingest.move(target)

    def put_stream(self, descriptor: Descriptor, stream: BinaryIO) -> None:
        """Store a blob from *stream*, checked against *descriptor* on the way."""
        sha256 = hashlib.sha256()
        size = 0
        with self.ingest() as ingest:
            # One byte too many is read, so that a longer stream is told from the right one.
            while data := stream.read(min(CHUNK, descriptor.size + 1 - size)):
                size += len(data)
                if size > descriptor.size:
                    break
                sha256.update(data)
                ingest.write(data)
            if size != descriptor.size:
                raise SizeMismatch(want=descriptor.size, got=size, what=f"blob {descriptor.digest}")
            if (got := "sha256:" + sha256.hexdigest()) != descriptor.digest:
                raise DigestMismatch(want=descriptor.digest, got=got, what=f"blob {descriptor.digest}")
            self.commit(ingest, descriptor.digest)

    def digests(self) -> dict[Digest, int]:
        """List what is stored, with sizes in bytes; files with other names than a digest are not looked at."""
        found: dict[Digest, int] = {}
        with reporting("read", self._directory):
            try:
                entries = os.scandir(self._directory)
            except FileNotFoundError:
                return found
            with entries:
                for entry in entries:
                    if _ENCODED.match(entry.name) and entry.is_file(follow_symlinks=False):
                        found[Digest(f"sha256:{entry.name}")] = entry.stat().st_size
        return found

    def delete(self, digest: Digest) -> None:
        """Delete a blob; it may be gone already."""
        path = self.path(digest)
        with reporting("delete", path), suppress(FileNotFoundError):
            os.unlink(path)

    def sweep_ingest(self) -> int:
        """Delete temporary files whose writers are dead; gives the bytes freed."""
        freed = 0
        try:
            with os.scandir(self._ingest) as entries:
                paths = [entry.path for entry in entries]
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise store_error(error, "read", self._ingest) from error
        for path in paths:
            freed += _delete_if_abandoned(path)
        return freed


class Ingest:
    """A temporary file that its writer holds locked, so that everyone can tell it from a dead writer's."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path: str | None = path
        self._file = io.FileIO(descriptor, "wb")

    @classmethod
    def create(cls, directory: str) -> "Ingest":
        """Make and lock a new file.

        Raises:
            StoreError: It cannot be written there.
        """
        with reporting("write", directory):
            while True:
                path = f"{directory}/{os.getpid()}-{os.urandom(8).hex()}"
                try:
                    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
                except FileNotFoundError:
                    os.makedirs(directory, exist_ok=True)
                    continue
                # Between making and locking, a sweep may have taken it for abandoned.
                if try_lock(descriptor) and os.fstat(descriptor).st_nlink:
                    return cls(path, descriptor)
                os.close(descriptor)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Append *data* whole; gives its length."""
        view = memoryview(data).cast("B")
        size = len(view)
        with reporting("write", self.path or ""):
            while view:
                view = view[self._file.write(view[:WRITE]) or 0 :]
        return size

    def sync(self) -> None:
        """Wait until the content is on the disk."""
        with reporting("write", self.path or ""):
            os.fsync(self._file.fileno())

    def move(self, target: str) -> None:
        """Rename it to *target*, replacing what is there. Not wrapped: the caller knows what it means."""
        if self.path is None:
            raise ValueError("already moved")
        os.rename(self.path, target)
        self.path = None
        self._file.close()

    def close(self) -> None:
        """Delete it unless it was moved."""
        path, self.path = self.path, None
        if path is not None:
            # Where this fails the next build's sweep finds it; the first error is the one to tell.
            with suppress(OSError):
                os.unlink(path)
        self._file.close()


class BlobWriter:
    """Takes the bytes of one blob.

    Attributes:
        size: Bytes written so far.
    """

    def __init__(self, blobs: Blobs, ingest: Ingest) -> None:
        self._blobs = blobs
        self._ingest = ingest
        self.size = 0

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Append *data*; gives its length."""
        self.size += (count := self._ingest.write(data))
        return count

    def commit(self, digest: Digest, size: int) -> None:
        """Make the blob part of the store.

        Args:
            digest: Of the bytes written. It is the writer's word: what comes from elsewhere goes
                through ``ContentStore.put_stream``, which computes it.
            size: Of the bytes written.

        Raises:
            SizeMismatch: Other than *size* bytes were written.
            StoreError: The store cannot be written.
        """
        if self.size != size:
            raise SizeMismatch(want=size, got=self.size, what=f"blob {digest}")
        self._blobs.commit(self._ingest, digest)


class VerifiedReader(io.RawIOBase):
    """A blob's bytes, checked against its descriptor before the last of them is given out.

    A reader that stops before the end has read unchecked bytes.
    """

    def __init__(self, file: io.FileIO, descriptor: Descriptor) -> None:
        self._file = file
        self._descriptor = descriptor
        self._left = descriptor.size
        self._sha256 = hashlib.sha256()
        if not self._left:
            self._verify()

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill *buffer*.

        Raises:
            DigestMismatch: These bytes are the last, and the whole is not what the descriptor says.
            SizeMismatch: The file became shorter while it was read.
        """
        view = memoryview(buffer).cast("B")[: self._left]
        if not view:
            return 0
        with reporting("read", self._file.name):
            count = self._file.readinto(view) or 0
        if not count:
            got = self._descriptor.size - self._left
            raise SizeMismatch(want=self._descriptor.size, got=got, what=f"blob {self._descriptor.digest}")
        self._sha256.update(view[:count])
        self._left -= count
        if not self._left:
            self._verify()
        return count

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _verify(self) -> None:
        got = "sha256:" + self._sha256.hexdigest()
        if got != self._descriptor.digest:
            raise _damaged(self._descriptor, got)


def _check_size(file: io.FileIO, descriptor: Descriptor) -> None:
    size = os.fstat(file.fileno()).st_size
    if size != descriptor.size:
        raise SizeMismatch(want=descriptor.size, got=size, what=f"blob {descriptor.digest}")


def _absent(descriptor: Descriptor) -> NotFound:
    return NotFound(f"blob {descriptor.digest}", hint="the image is not whole in this store: build or load it again")


def _damaged(descriptor: Descriptor, got: str) -> DigestMismatch:
    error = DigestMismatch(want=descriptor.digest, got=got, what=f"blob {descriptor.digest}")
    error.hint = "the stored bytes are damaged: `smidgen gc --verify` deletes them, then build or load the image again"
    return error


def _delete_if_abandoned(path: str) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return 0
    try:
        if not try_lock(descriptor):
            return 0
        size = os.fstat(descriptor).st_size
        os.unlink(path)
    except OSError:
        return 0
    else:
        return size
    finally:
        os.close(descriptor)
