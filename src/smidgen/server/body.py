"""The content of a request: so many bytes, or chunks until an empty one.

Source: RFC 9112, 6 and 7.1. Extensions of chunks and trailers are read and dropped.
"""

import re
from typing import Final

from smidgen.server.head import Head
from smidgen.server.refusal import malformed
from smidgen.server.wire import Wire

_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\Z")
_MAX_LINE: Final = 256
_MAX_TRAILERS: Final = 50
_MAX_TRAILER: Final = 8 << 10
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body:
    """Reads the content of one request, once.

    Attributes:
        length: Bytes in all, None where only the end will tell.
        finished: All of it has been read, so that the next request follows.
    """

    def __init__(self, wire: Wire, head: Head) -> None:
        self.length = head.length
        self.finished = head.length == 0
        self._wire = wire
        self._left = head.length or 0
        self._first = True
        self._waits = head.waits and not self.finished

    @property
    def is_awaited(self) -> bool:
        """Whether the client still waits to be told that it may send."""
        return self._waits

    def readinto(self, view: memoryview) -> int:
        """Read at least one byte into *view*; gives 0 at the end.

        Raises:
            Refusal: Malformed chunks.
            ConnectionLost: The client went away.
        """
        if self._waits:
            self._waits = False
            self._wire.send(_CONTINUE)
        if not self._left and not self.finished:
            self._next_chunk()
        if self.finished:
            return 0
        count = self._wire.readinto(view[: min(len(view), self._left)])
        self._left -= count
        if not self._left and self.length is not None:
            self.finished = True
        return count

    def read(self, limit: int) -> bytes | None:
        """Read all of it, or give None where it is over *limit* bytes."""
        if self.length is not None and self.length > limit:
            return None
        buffer = bytearray(limit + 1 if self.length is None else self.length)
        size = 0
        with memoryview(buffer) as view:
            while size < len(buffer) and (count := self.readinto(view[size:])):
                size += count
            if not self.finished and self.readinto(memoryview(bytearray(1))):
                return None
            return None if size > limit else bytes(view[:size])

    def drop(self, limit: int) -> bool:
        """Read what is left and forget it, if that is little; tells whether it is all read now."""
        if self.finished:
            return True
        if self._waits or self.length is None or self._left > limit:
            return False
        buffer = memoryview(bytearray(self._left))
        while self.readinto(buffer):
            pass
        return True

    def _next_chunk(self) -> None:
        if not self._first and self._wire.read_line(0):
            raise malformed("a chunk does not end where it says")
        self._first = False
        match = _CHUNK_LINE.match(self._wire.read_line(_MAX_LINE))
        if match is None:
            raise malformed("a chunk does not begin with its size")
        self._left = int(match[1], 16)
        if self._left:
            return
        for _ in range(_MAX_TRAILERS):
            if not self._wire.read_line(_MAX_TRAILER):
                self.finished = True
                return
        raise malformed(f"over {_MAX_TRAILERS} trailers")
