"""Follow the frames of a zstd stream without decompressing: does it end where a frame ends?

The decompressor itself says nothing when its input stops in the middle of a frame.

Source: RFC 8878 section 3.1.1 (frames and blocks) and 3.1.2 (skippable frames).
"""

from collections.abc import Callable

from smidgen.errors import InvalidArchive

_MAGIC = 0xFD2FB528
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_DICTIONARY_SIZES = (0, 1, 2, 4)
_RESERVED_BLOCK = 3
_RLE_BLOCK = 1


class ZstdFrames:
    """Walks over headers of frames and blocks as bytes come in, in pieces of any size."""

    def __init__(self) -> None:
        self._frames = 0
        self._skip = 0
        self._checksum = 0
        self._partial = b""
        self._need = 4
        self._next: Callable[[int], None] = self._magic

    def feed(self, data: bytes) -> None:
        """Go on over *data*.

        Raises:
            InvalidArchive: What follows a frame is no frame, or a block is of no known type.
        """
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            step = min(self._need - len(self._partial), len(data) - at)
            self._partial += data[at : at + step]
            at += step
            if len(self._partial) == self._need:
                field, self._partial = int.from_bytes(self._partial, "little"), b""
                self._next(field)

    def finish(self) -> None:
        """Check that the stream may end here.

        Raises:
            InvalidArchive: It is cut within a frame, or has none at all.
        """
        if self._skip or self._partial or self._next != self._magic:
            raise InvalidArchive("the zstd stream ends within a frame: it was cut")
        if not self._frames:
            raise InvalidArchive("no zstd frame: the stream is empty")

    def _start_frame(self) -> None:
        self._need, self._next = 4, self._magic

    def _magic(self, magic: int) -> None:
        if magic in _SKIPPABLE:
            self._need, self._next = 4, self._skippable
        elif magic == _MAGIC:
            self._need, self._next = 1, self._descriptor
        else:
            raise InvalidArchive(
                f"no zstd frame starts with {magic:#010x}"
                + (": something follows the compressed layer" if self._frames else "")
            )

    def _skippable(self, size: int) -> None:
        self._frames += 1
        self._skip = size
        self._start_frame()

    def _descriptor(self, descriptor: int) -> None:
        single_segment = descriptor >> 5 & 1
        content_size = (single_segment, 2, 4, 8)[descriptor >> 6]
        self._checksum = 4 * (descriptor >> 2 & 1)
        self._skip = (1 - single_segment) + _DICTIONARY_SIZES[descriptor & 3] + content_size
        self._need, self._next = 3, self._block

    def _block(self, header: int) -> None:
        kind, size = header >> 1 & 3, header >> 3
        if kind == _RESERVED_BLOCK:
            raise InvalidArchive("a zstd block is of the reserved type: the stream is damaged")
        self._skip = 1 if kind == _RLE_BLOCK else size
        if header & 1:
            self._frames += 1
            self._skip += self._checksum
            self._start_frame()
