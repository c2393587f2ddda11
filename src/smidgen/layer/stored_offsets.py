"""Where in a compressed stream each byte of its content comes from, as seen while it was decompressed.

Nothing is compressed again: the decoder tells how much it had read when it had given so much. Between two such
observations, at most some kilobytes apart, what was read is shared out evenly.
"""

from array import array
from bisect import bisect_right
from typing import Final

_STEP: Final = 256
# Half of the observations are let go of whenever there are more, so that a stream of any length takes 4 MiB.
_LIMIT: Final = 1 << 18


class StoredOffsets:
    """Pairs of offsets: in the content, and in the bytes as they are stored."""

    def __init__(self) -> None:
        self._content = array("Q", [0])
        self._stored = array("Q", [0])
        self._step = _STEP
        # The last stretch between two observations that was asked about: of the content, and as stored.
        self._stretch = (0, 0, 0, 0)

    @classmethod
    def uncompressed(cls, size: int) -> "StoredOffsets":
        """Make those of *size* bytes that are stored as they are."""
        offsets = cls()
        offsets.finish(size, size)
        return offsets

    def observe(self, content: int, stored: int) -> None:
        """Note that *content* bytes came of the first *stored* ones; both never fall."""
        if content - self._content[-1] >= self._step:
            self._append(content, stored)

    def finish(self, content: int, stored: int) -> None:
        """Note how long both are by now, whatever is known of places shortly before."""
        if content > self._content[-1]:
            self._append(content, stored)
        else:
            self._stored[-1] = max(stored, self._stored[-1])
            self._stretch = (0, 0, 0, 0)

    def at(self, content: int) -> int:
        """Give how many bytes are stored for what is before the byte *content* of the content."""
        # Most questions are about the same stretch as the one before.
        start, end, first, last = self._stretch
        if not start <= content < end:
            index = bisect_right(self._content, content) - 1
            if index + 1 >= len(self._content):
                return self._stored[-1]
            start, end = self._content[index], self._content[index + 1]
            first, last = self._stored[index], self._stored[index + 1]
            self._stretch = (start, end, first, last)
        return first + (last - first) * (content - start) // (end - start)

    def between(self, start: int, end: int) -> int:
        """Give how many bytes are stored for the content from *start* to *end*; neighbours add up to the whole."""
        return self.at(end) - self.at(start)

    def _append(self, content: int, stored: int) -> None:
        self._content.append(content)
        self._stored.append(max(stored, self._stored[-1]))
        self._stretch = (0, 0, 0, 0)
        if len(self._content) > _LIMIT:
            self._content = self._content[::2]
            self._stored = self._stored[::2]
            self._step *= 2
