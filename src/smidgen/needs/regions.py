"""Regions of an executable: where its code and its data are in the file, each byte once.

A hostile file may load the same bytes many times over; whatever is searched for is searched for once.
"""

from smidgen.elf.functab import FunctionTable
from smidgen.elf.header import ElfFile
from smidgen.elf.segments import PF_X


def data_regions(elf: ElfFile) -> tuple[tuple[int, int], ...]:
    """Give start and end, in the file, of what is loaded and not executable; in order, without overlaps."""
    spans = sorted(
        (segment.offset, min(segment.offset + segment.file_size, len(elf.data)))
        for segment in elf.image.loaded
        if not segment.flags & PF_X
    )
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return tuple(merged)


def code_region(elf: ElfFile, table: FunctionTable) -> tuple[int, int, int]:
    """Give start and end, in the file, of the functions' code, and what to add to an offset to have an address.

    Raises:
        InvalidExecutable: The function table is damaged.
    """
    first, last = table.entries[0], table.entries[-1]
    extent = elf.image.extent(first)
    if extent is None:
        return 0, 0, 0
    start, end = extent
    return start, min(end, start + last - first), first - start
