"""Pointers of position-independent programs that the file leaves to the loader.

A linker may leave zeros where a pointer goes, and put its value into the table of relocations instead. GNU ld and lld
do; Go's own linker writes the pointer to both.

Source: System V ABI, chapter 4, "Relocation" (``Elf64_Rela``).
"""

from collections.abc import Iterator
from struct import Struct

from smidgen.elf.header import ElfFile
from smidgen.elf.machine import RELATIVE

_ROW = 24
# Bytes sought in the table of relocations can also lie across rows: give up on a table made of nothing else.
_HIT_LIMIT = 10_000


def pointer_at(elf: ElfFile, address: int) -> int:
    """Give the pointer at *address*, as it is after loading at address 0.

    Raises:
        InvalidExecutable: The address is not in the file.
    """
    value = elf.image.word(address)
    for row in _rows_with(elf, address, 0):
        return row[2]
    return value


def places_of(elf: ElfFile, value: int) -> Iterator[int]:
    """Give the addresses to which the loader writes the pointer *value*."""
    for row in _rows_with(elf, value, 16):
        yield row[0]


def _rows_with(elf: ElfFile, value: int, column: int) -> Iterator[tuple[int, int, int]]:
    """Give the relative relocations (place, kind, value) that have *value* at byte *column* of their row."""
    address, size = elf.dynamic.relocations
    kind = RELATIVE.get(elf.machine)
    extent = elf.image.extent(address) if size else None
    if elf.bits != 64 or kind is None or extent is None:
        return
    start, end = extent[0], min(extent[1], extent[0] + size)
    pattern = elf.image.pack(value)
    layout = Struct(elf.endian + "QQQ")
    at = start + column - 1
    for _ in range(_HIT_LIMIT):
        at = elf.data.find(pattern, at + 1, end)
        if at < 0:
            return
        row = at - column
        if (row - start) % _ROW == 0 and row + _ROW <= end:
            fields = layout.unpack(elf.data[row : row + _ROW])
            # The upper half of the second word names a symbol: a relative one has none.
            if fields[1] == kind:
                yield fields
