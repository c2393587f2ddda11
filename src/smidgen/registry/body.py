"""Bodies of requests: bytes, or anything that can be opened again when a request has to be repeated."""

import io
from dataclasses import dataclass
from typing import BinaryIO, Protocol


class Body(Protocol):
    """What a request sends."""

    @property
    def size(self) -> int:
        """Length in bytes, known before anything is sent."""
        ...

    def open(self) -> BinaryIO:
        """Open the body at its start, each time that the request is sent.

        A file of the operating system (``open(path, "rb")``) is sent without passing through this process where
        the connection is plain http; anything else is read in pieces of 1 MiB by ``readinto`` or ``read``.
        """
        ...


@dataclass(frozen=True, slots=True)
class BytesBody:
    """A body in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)

    def open(self) -> BinaryIO:
        """Read from the start."""
        return io.BytesIO(self.data)
