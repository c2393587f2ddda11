"""A stream whose digest is taken while somebody else reads it."""

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO

from smidgen.errors import DigestMismatch
from smidgen.oci.digest import DiffID

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_READ = 1 << 20


class Digesting(io.RawIOBase):
    """The uncompressed bytes of a layer on their way to a reader."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill *buffer*."""
        view = memoryview(buffer).cast("B")
        data = self._stream.read(len(view))
        view[: len(data)] = data
        self._sha256.update(data)
        return len(data)

    def buffered(self) -> BinaryIO:
        """Give a reader of large pieces."""
        return io.BufferedReader(self, _READ)

    def finish(self) -> DiffID:
        """Read what is left (padding after the end of an archive counts too) and give the digest."""
        while data := self._stream.read(_READ):
            self._sha256.update(data)
        return DiffID("sha256:" + self._sha256.hexdigest())

    def check(self, want: DiffID, *, what: str) -> None:
        """Check the whole against its digest.

        Raises:
            DigestMismatch: It is something else.
        """
        if (got := self.finish()) != want:
            raise DigestMismatch(want=want, got=got, what=what)
