"""Decompress a layer as it streams by: joined gzip members, joined zstd frames, or nothing.

Memory is bounded however much a piece expands; a cut, trailing garbage and too much output are errors.

Source: RFC 1952 section 2.2 (members); RFC 8878 section 3 (frames).
"""

import io
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, cast

from smidgen.errors import InvalidArchive, LimitExceeded
from smidgen.layer.stored_offsets import StoredOffsets

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Most bytes that one layer may expand to.
MAX_SIZE = 128 << 30

# A small input bounds what is copied again for each of many tiny members.
_INPUT = 64 << 10
_OUTPUT = 256 << 10
# Where somebody wants to know which bytes came of which, both are passed on in small pieces.
_OBSERVED = 4 << 10
# In smaller ones at the beginning, so that the files of a small layer can be told apart.
_OBSERVED_FIRST = 512
_FIRST = 256 << 10
# zlib's window bits that mean one gzip member, header and checksum included.
_GZIP_MEMBER = 31
# What zstd's own command accepts without being told.
_MAX_WINDOW = 1 << 27
# Deflate reaches 1032 and zstd far more, on zeros; what is below the allowance may be of any ratio.
_MAX_RATIO = 2000
_RATIO_ALLOWANCE = 4 << 30


def decompressed(
    stream: BinaryIO, algorithm: str, *, limit: int = MAX_SIZE, offsets: StoredOffsets | None = None
) -> BinaryIO:
    """Wrap *stream* in a reader of its uncompressed bytes; closing that closes *stream*.

    Args:
        stream: The stored bytes.
        algorithm: "gzip", "zstd" or "none", as ``LAYER_COMPRESSION`` has it for a media type.
        limit: Most bytes to give.
        offsets: Is told which stored bytes the content comes of, as it is read; not for "none".

    Raises:
        InvalidArchive: No such algorithm; from reads: damaged, cut, or followed by something else.
        LimitExceeded: From reads: more than *limit*, or a ratio that no honest layer has.
    """
    source = _Source(stream, _INPUT if offsets is None else _OBSERVED)
    read: Callable[[int], bytes]
    match algorithm:
        case "none":
            return stream
        case "gzip":
            read = _Gzip(source).read
        case "zstd":
            read = _zstd_reader(source)
        case _:
            raise InvalidArchive(f"compression {algorithm!r} is not gzip, zstd or none")
    raw = _Decompressing(source, read, limit, offsets)
    return io.BufferedReader(raw, _OUTPUT if offsets is None else _OBSERVED)


class _Source:
    """The stored bytes, counted.

    Attributes:
        count: Bytes that were read.
        held: Those of them that the decoder has not looked at.
        piece: Most bytes to read at once.
    """

    def __init__(self, stream: BinaryIO, piece: int) -> None:
        self.stream = stream
        self.count = 0
        self.held = 0
        self.piece = piece

    def read(self) -> bytes:
        data = self.stream.read(self.piece)
        self.count += len(data)
        return data

    @property
    def used(self) -> int:
        return self.count - self.held


class _Decompressing(io.RawIOBase):
    """A raw stream around a function that gives up to so many bytes, none at the end."""

    def __init__(
        self, source: _Source, read: Callable[[int], bytes], limit: int, offsets: StoredOffsets | None
    ) -> None:
        self._source = source
        self._read = read
        self._limit = limit
        self._offsets = offsets
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        data = self._read(len(view)) if self._offsets is None else self._observed(self._offsets, len(view))
        self._count += len(data)
        if self._count > self._limit:
            raise LimitExceeded("uncompressed layer in bytes", limit=self._limit)
        if self._count > _RATIO_ALLOWANCE and self._count > _MAX_RATIO * self._source.count:
            raise LimitExceeded("ratio of the compressed layer", limit=_MAX_RATIO)
        view[: len(data)] = data
        return len(data)

    def _observed(self, offsets: StoredOffsets, size: int) -> bytes:
        used = self._source.used
        data = self._read(min(size, _OBSERVED if self._count >= _FIRST else _OBSERVED_FIRST))
        # What a decoder gives without reading was paid for when it read.
        if self._source.used != used:
            offsets.observe(self._count, used)
        if not data:
            offsets.finish(self._count, self._source.used)
        return data

    def close(self) -> None:
        if not self.closed:
            self._source.stream.close()
        super().close()


class _Gzip:
    """Reads one gzip member after the other."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._pending = b""
        self._members = 0
        self._member = zlib.decompressobj(_GZIP_MEMBER)

    def read(self, size: int) -> bytes:
        while True:
            if not self._pending:
                self._pending = self._source.read()
            if self._member.eof:
                if not self._pending:
                    return b""
                self._member = zlib.decompressobj(_GZIP_MEMBER)
                self._members += 1
            data = self._inflate(size)
            if data:
                return data

    def _inflate(self, size: int) -> bytes:
        # Without input, zlib may still hold output of the input before.
        at_end = not self._pending
        try:
            data = self._member.decompress(self._pending, size)
        except zlib.error as error:
            raise InvalidArchive(
                f"gzip member {self._members + 1}: {error}",
                hint="the blob was damaged, or something follows the compressed layer" if self._members else None,
            ) from error
        self._pending = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        self._source.held = len(self._pending)
        if at_end and not data and not self._member.eof:
            raise InvalidArchive("the gzip stream ends within a member: it was cut")
        return data


def _zstd_reader(source: _Source) -> Callable[[int], bytes]:
    import zstandard  # gzip is what layers mostly are

    from smidgen.layer.zstd_frames import ZstdFrames

    frames = ZstdFrames()

    class _Followed:
        def read(self, _size: int) -> bytes:
            data = source.read()
            frames.feed(data)
            return data

    reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(
        cast("BinaryIO", _Followed()), read_size=source.piece, read_across_frames=True
    )

    def read(size: int) -> bytes:
        try:
            data = reader.read(size)
        except zstandard.ZstdError as error:
            raise InvalidArchive(f"zstd: {error}") from error
        if not data and size:
            frames.finish()
        return data

    return read
