"""The symbol table, where it was not stripped.

Source: System V ABI, chapter 4, "Symbol Table" (``Elf64_Sym``).
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from smidgen.elf.header import SHT_NOBITS, SHT_SYMTAB, ElfFile, Section
from smidgen.errors import InvalidExecutable

SHT_DYNSYM: Final = 11
STT_OBJECT: Final = 1
STT_FUNC: Final = 2
STT_SECTION: Final = 3
STT_FILE: Final = 4

# Chromium, the largest program there is, has fewer than 2 million.
_LIMIT: Final = 4_000_000
_NAME_LIMIT: Final = 1 << 14
# All names together: only a hostile table has the same bytes named over and over.
_NAMES_LIMIT: Final = 1 << 28
_ROW: Final = {32: "IIIBBH", 64: "IBBHQQ"}


class Symbol(NamedTuple):
    """A row of the table; a named tuple, as a program has tens of thousands.

    Attributes:
        name: Bytes that are no UTF-8 are escaped with backslashes.
        address: Where it is in memory.
        size: In bytes; 0 where that is not known.
        type: ``STT_*``.
        section: Index of its section; 0 for what is not in this file.
        name_offset: Where its name is in the table of names.
    """

    name: str
    address: int
    size: int
    type: int
    section: int
    name_offset: int


def symbol_section(elf: ElfFile, kind: int = SHT_SYMTAB) -> Section | None:
    """Give the section of the symbol table (or of the dynamic one), or None where there is none."""
    return next((section for section in elf.sections if section.type == kind and section.size), None)


def name_section(elf: ElfFile, table: Section) -> Section | None:
    """Give the section with the names of *table*'s symbols, or None where it names none."""
    if not 0 < table.link < len(elf.sections) or elf.sections[table.link].type == SHT_NOBITS:
        return None
    return elf.sections[table.link]


def read_symbols(elf: ElfFile, table: Section) -> Iterator[Symbol]:
    """Give each symbol of *table*, the empty first one included, in the table's order.

    Raises:
        InvalidExecutable: There are more than any program has.
    """
    layout = Struct(elf.endian + _ROW[elf.bits])
    count = table.size // layout.size
    if count > _LIMIT:
        raise InvalidExecutable(f"{count} symbols, the limit is {_LIMIT}", offset=table.offset)
    names = name_section(elf, table)
    blob = elf.data[names.offset : names.offset + names.size] if names is not None else b""
    rows = elf.data[table.offset : table.offset + count * layout.size]
    total = 0
    for row in layout.iter_unpack(rows):
        if elf.bits == 64:
            name, info, _, section, address, size = row
        else:
            name, address, size, info, _, section = row
        end = blob.find(b"\0", name, name + _NAME_LIMIT)
        text = blob[name:end].decode("utf-8", "backslashreplace") if name and end >= 0 else ""
        total += len(text)
        if total > _NAMES_LIMIT:
            raise InvalidExecutable(f"symbols have names of more than {_NAMES_LIMIT} bytes", offset=table.offset)
        yield Symbol(text, address, size, info & 15, section, name)
