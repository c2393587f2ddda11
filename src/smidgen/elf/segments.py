"""Segments, and reading an executable by address.

Source: System V ABI, chapter 5 (program header, base address).
"""

from dataclasses import dataclass
from mmap import mmap
from typing import Final, Literal

from smidgen.errors import InvalidExecutable

PT_LOAD: Final = 1
PT_DYNAMIC: Final = 2
PT_INTERP: Final = 3

# The smallest page of the machines here: what is mapped is at least rounded up to it.
PAGE: Final = 4096

PF_X: Final = 1
PF_W: Final = 2


@dataclass(frozen=True, slots=True)
class Segment:
    """One row of the program header table. Sizes and offsets are in bytes.

    Attributes:
        type: ``PT_*``.
        flags: ``PF_*`` bits.
        offset: Where its bytes are in the file.
        address: Where they go in memory.
        file_size: How many there are in the file.
        memory_size: How many in memory; what is more than *file_size* is zeros.
        alignment: Of the address.
    """

    type: int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int
    alignment: int


@dataclass(frozen=True, slots=True, eq=False)
class SegmentMap:
    """The file as it will be in memory: addresses to bytes.

    Attributes:
        data: The whole file.
        bits: Width of a pointer.
        endian: ``<`` or ``>``.
        segments: All segments, loaded or not.
    """

    data: bytes | mmap
    bits: Literal[32, 64]
    endian: Literal["<", ">"]
    segments: tuple[Segment, ...]

    @property
    def loaded(self) -> tuple[Segment, ...]:
        """The segments that are loaded, in the order of the table."""
        return tuple(segment for segment in self.segments if segment.type == PT_LOAD)

    def extent(self, address: int) -> tuple[int, int] | None:
        """Give where in the file *address* is, and where the bytes that are loaded with it end; None where it is not.

        Whole pages are mapped, so that what follows a segment in its last page can be read as well. Programs that
        ``patchelf`` changed rely on it.
        """
        for past_end in (False, True):
            for segment in self.segments:
                end = self._mapped_end(segment)
                size = end - segment.offset if past_end else segment.file_size
                if segment.type == PT_LOAD and 0 <= address - segment.address < size:
                    start = segment.offset + address - segment.address
                    return (start, end) if start < end else None
        return None

    def _mapped_end(self, segment: Segment) -> int:
        """Give where in the file the bytes end that are mapped for a segment."""
        end = segment.offset + segment.file_size
        # Where more is in memory than in the file, the kernel fills the rest of the page with zeros.
        if segment.file_size == segment.memory_size:
            end = -(-end // PAGE) * PAGE
        return min(end, len(self.data))

    def address_of(self, offset: int) -> int | None:
        """Give the address at which a byte of the file is loaded, or None."""
        for segment in self.segments:
            if segment.type == PT_LOAD and 0 <= offset - segment.offset < segment.file_size:
                return segment.address + offset - segment.offset
        return None

    def read(self, address: int, size: int) -> bytes:
        """Read *size* bytes at *address*, all from one segment.

        Raises:
            InvalidExecutable: Some of them are not in the file.
        """
        extent = self.extent(address)
        if extent is None or size < 0 or size > extent[1] - extent[0]:
            raise InvalidExecutable(
                f"{size} bytes at address {address:#x} are not in the file", offset=extent[0] if extent else None
            )
        return self.data[extent[0] : extent[0] + size]

    def word(self, address: int) -> int:
        """Read an integer as wide as a pointer, as it stands in the file.

        Raises:
            InvalidExecutable: It is not in the file.
        """
        return int.from_bytes(self.read(address, self.bits // 8), "little" if self.endian == "<" else "big")

    def pack(self, value: int) -> bytes:
        """Give the bytes of an integer as wide as a pointer."""
        return value.to_bytes(self.bits // 8, "little" if self.endian == "<" else "big")


def read_string(data: bytes | mmap, start: int, end: int, *, limit: int, what: str) -> str:
    """Read a string that ends with a zero byte before *end* and within *limit* bytes.

    Raises:
        InvalidExecutable: It starts outside or does not end.
    """
    if not 0 <= start < end:
        raise InvalidExecutable(f"a {what} lies outside of its table", offset=start)
    stop = data.find(b"\0", start, min(end, start + limit + 1))
    if stop < 0:
        raise InvalidExecutable(f"a {what} does not end within {min(end - start, limit)} bytes", offset=start)
    return data[start:stop].decode("utf-8", "backslashreplace")
