"""The words of a part of the file, as the loader leaves them."""

import sys
from array import array
from struct import Struct

from smidgen.elf.header import ElfFile
from smidgen.elf.machine import RELATIVE

# One row for each pointer of a program; a hostile one may have more, of which the first are taken.
_ROW_LIMIT = 1_000_000


def words_at(elf: ElfFile, start: int, end: int) -> "array[int]":
    """Read 64-bit words between two offsets of the file; what is less than a word at the end is left out."""
    words = array("Q")
    words.frombytes(elf.data[start : end - (end - start) % 8])
    if (elf.endian == "<") != (sys.byteorder == "little"):
        words.byteswap()
    return words


def relocations(elf: ElfFile) -> dict[int, int]:
    """Give place and value of each pointer that the file leaves to the loader, of a program of 64 bits."""
    table, size = elf.dynamic.relocations
    extent = elf.image.extent(table) if size else None
    kind = RELATIVE.get(elf.machine)
    if extent is None or kind is None or elf.bits != 64:
        return {}
    rows = elf.data[extent[0] : min(extent[1], extent[0] + min(size, 24 * _ROW_LIMIT))]
    unpacked = Struct(elf.endian + "QQQ").iter_unpack(rows[: len(rows) // 24 * 24])
    return {place: value for place, what, value in unpacked if what == kind}


def relocated_words(elf: ElfFile, address: int, start: int, end: int, pointers: dict[int, int]) -> "array[int]":
    """Read words as ``words_at`` does; with the pointers that only the table of relocations has.

    Args:
        elf: A program of 64 bits.
        address: Where *start* is loaded.
        start: Offset in the file of the first word.
        end: Offset behind the last one.
        pointers: As ``relocations`` gives them.
    """
    words = words_at(elf, start, end)
    last = address + 8 * len(words)
    for place, value in pointers.items():
        if address <= place < last and not (place - address) & 7:
            words[(place - address) >> 3] = value
    return words
