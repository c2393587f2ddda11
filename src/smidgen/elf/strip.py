"""An executable without symbols and debugging data: what is loaded stays as it is, byte for byte.

Source: System V ABI, chapter 4, "ELF Header" and "Sections".
"""

from struct import Struct, pack_into
from typing import Final

from smidgen.elf.header import SHT_NOBITS, ElfFile

_SHF_ALLOC: Final = 2
_SHT_STRTAB: Final = 3
_ROW: Final = {32: "IIIIIIIIII", 64: "IIQQQQIIQQ"}
# Where the file header has the section table's offset, and its three numbers of 2 bytes: row size, rows, names.
_TABLE_AT: Final = {32: (32, "I", 46), 64: (40, "Q", 58)}
_RELOCATIONS: Final = (4, 9)  # SHT_RELA, SHT_REL
_NAMES: Final = ".shstrtab"


def stripped(elf: ElfFile) -> bytes:
    """Give the file without sections that are not loaded; as it is where it has no section table.

    The file header, the program headers and everything that they name stay at their places.
    """
    if not elf.sections:
        return bytes(elf.data[:])
    layout = Struct(elf.endian + _ROW[elf.bits])
    kept = [at for at, one in enumerate(elf.sections) if one.flags & _SHF_ALLOC]
    end = max((segment.offset + segment.file_size for segment in elf.segments), default=0)
    for at in kept:
        one = elf.sections[at]
        end = max(end, one.offset + (0 if one.type == SHT_NOBITS else one.size))
    at_offset, letter, at_numbers = _TABLE_AT[elf.bits]
    table = Struct(elf.endian + letter).unpack_from(elf.data, at_offset)[0]
    # Rows have new numbers; what pointed to one that is gone points to none.
    numbers = {old: new for new, old in enumerate(kept, start=1)}
    names = bytearray(b"\0")
    rows = bytearray(layout.size)
    for old in kept:
        _, kind, flags, address, offset, size, link, info, align, entry = layout.unpack_from(
            elf.data, table + old * layout.size
        )
        start = len(names)
        names += elf.sections[old].name.encode("utf-8", "surrogateescape") + b"\0"
        # Of a table of relocations ``info`` is a section, of others a number of its own.
        info = numbers.get(info, 0) if kind in _RELOCATIONS else info
        rows += layout.pack(start, kind, flags, address, offset, size, numbers.get(link, 0), info, align, entry)
    start = len(names)
    names += _NAMES.encode() + b"\0"
    rows += layout.pack(start, _SHT_STRTAB, 0, 0, end, len(names), 0, 0, 1, 0)
    whole = bytearray(elf.data[:end])
    whole += names
    whole += bytes(-len(whole) % (elf.bits // 8))
    pack_into(elf.endian + letter, whole, at_offset, len(whole))
    pack_into(f"{elf.endian}HHH", whole, at_numbers, layout.size, len(kept) + 2, len(kept) + 1)
    return bytes(whole + rows)
