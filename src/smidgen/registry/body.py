"""Bodies of requests: bytes, or anything that can be opened again when a request has to be repeated."""

import io
from collections.abc import Callable
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
        the connection is plain http; anything else is read in pieces of 1 MiB by ``readinto``.
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


@dataclass(frozen=True, slots=True)
class WatchedBody:
    """A body that tells how far its sending has come.

    Attributes:
        body: What is sent.
        at: Told the number of bytes that have gone out; 0 each time that sending begins.
    """

    body: Body
    at: Callable[[int], None]

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.body.size

    def open(self) -> BinaryIO:
        """Open it at its start."""
        self.at(0)
        return self.body.open()
