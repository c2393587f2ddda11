"""How a layer's bytes are compressed: a value, its spelling, and the function that does it.

Every chunk of a layer becomes a gzip member, or a zstd frame, of its own, so that chunks are compressed side by
side and the bytes never depend on the number of cores. Readers join them (RFC 1952 section 2.2; RFC 8878 section 3).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

from smidgen.errors import UsageError
from smidgen.oci.media_types import OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD

Algorithm = Literal["gzip", "zstd", "none"]

#: Compresses one whole chunk into one member or frame.
ChunkCompressor = Callable[[bytes | bytearray | memoryview], bytes]

_MIB = 1 << 20
_MEDIA_TYPES: dict[Algorithm, str] = {"gzip": OCI_LAYER_GZIP, "zstd": OCI_LAYER_ZSTD, "none": OCI_LAYER}


@dataclass(frozen=True, slots=True)
class Compression:
    """An algorithm and its level.

    Attributes:
        algorithm: "gzip" (libdeflate, levels 1 to 12), "zstd" (levels 1 to 22) or "none" (level 0).
        level: Effort; never 0 unless nothing is compressed.
    """

    algorithm: Algorithm
    level: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``gzip``, ``gzip:9``, ``zstd``, ``zstd:19`` or ``none``.

        Raises:
            UsageError: The algorithm or the level is not known.
        """
        name, colon, level_text = text.partition(":")
        match name:
            case "gzip":
                return cls("gzip", _level(text, level_text, default=6, most=12) if colon else 6)
            case "zstd":
                return cls("zstd", _level(text, level_text, default=3, most=22) if colon else 3)
            case "none" if not colon:
                return cls("none", 0)
            case _:
                raise UsageError(f"unknown compression {text!r}", hint=_EXPECTED)

    def __str__(self) -> str:
        return self.algorithm if self.algorithm == "none" else f"{self.algorithm}:{self.level}"

    @property
    def media_type(self) -> str:
        """The OCI media type of a layer so compressed."""
        return _MEDIA_TYPES[self.algorithm]

    @property
    def chunk_size(self) -> int:
        """How many bytes of tar go into one member or frame."""
        return 4 * _MIB if self.algorithm == "zstd" else _MIB

    @property
    def most_workers(self) -> int:
        """How many chunks may be compressed at once, as each holds its bytes, its result and the codec's tables."""
        # Below level 10 those tables are at most 10 MiB, above up to 65 MiB.
        return 4 if self.algorithm == "zstd" and self.level >= 10 else 8

    def chunk_compressor(self) -> ChunkCompressor:
        """Give the function that compresses one chunk; safe to call from several threads at once."""
        match self.algorithm:
            case "gzip":
                return _gzip(self.level)
            case "zstd":
                return _zstd(self.level)
            case "none":
                return bytes


_EXPECTED = "expected gzip, gzip:1 to gzip:12, zstd, zstd:1 to zstd:22, or none"

#: About gzip -9 in size at a tenth of its time.
DEFAULT = Compression("gzip", 6)


def _level(text: str, level: str, *, default: int, most: int) -> int:
    if not level.isascii() or not level.isdecimal() or not 1 <= int(level) <= most:
        raise UsageError(f"compression {text!r}: level must be 1 to {most}, such as {default}", hint=_EXPECTED)
    return int(level)


def _gzip(level: int) -> ChunkCompressor:
    import deflate  # a store that only reads never loads it

    def compress(chunk: bytes | bytearray | memoryview) -> bytes:
        return bytes(deflate.gzip_compress(chunk, level))

    return compress


def _zstd(level: int) -> ChunkCompressor:
    import zstandard

    def compress(chunk: bytes | bytearray | memoryview) -> bytes:
        # A compressor is not to be shared between threads, and making one is cheap beside a chunk.
        return zstandard.ZstdCompressor(level=level, write_content_size=True).compress(chunk)

    return compress


def library_versions() -> dict[str, str]:
    """Give the releases of the libraries that decide bytes of compressed layers."""
    from importlib.metadata import version  # 40 ms, for a question that few ask

    return {name: version(name) for name in ("deflate", "zstandard")}
