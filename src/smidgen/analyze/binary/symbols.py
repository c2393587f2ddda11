"""Symbols: what the symbol table names, and the bytes of that table itself."""

from collections.abc import Iterator, Sequence
from struct import calcsize

from smidgen.analyze.binary.crates import owner_of
from smidgen.analyze.binary.demangle import readable
from smidgen.analyze.binary.ledger import Claim
from smidgen.analyze.binary.owners import C_CODE, of_package, package_of
from smidgen.analyze.explained import PartKind
from smidgen.elf.header import SHT_NOBITS, ElfFile, Section
from smidgen.elf.symtab import (
    SHT_DYNSYM,
    STT_FILE,
    STT_FUNC,
    STT_SECTION,
    Symbol,
    name_section,
    read_symbols,
    symbol_section,
)

# The linker's marks of where something begins and ends, and what it puts many things of many packages into.
_CARRIERS = frozenset(
    {"go:string.*", "go:func.*", "type:*", "runtime.gcbits.*", "runtime.types", "runtime.etypes", "runtime.rodata"}
    | {"runtime.erodata", "runtime.text", "runtime.etext", "runtime.pclntab", "runtime.epclntab", "runtime.typelink"}
    | {"runtime.itablink", "go:itablink", "runtime.findfunctab", "runtime.funcnametab", "runtime.cutab"}
    | {"runtime.filetab", "runtime.pctab", "runtime.functab", "runtime.pcheader", "runtime.symtab", "runtime.esymtab"}
)


def symbol_claims(elf: ElfFile, *, is_go: bool, names: ElfFile | None = None) -> Iterator[Claim]:
    """Claim what the symbol tables name: code and data by address, as far as sizes are known.

    Args:
        elf: An executable.
        is_go: Its symbols have packages.
        names: Its twin, whose symbols these are; its own where None.

    Raises:
        InvalidExecutable: A table has more symbols than any program.
    """
    for kind in (2, SHT_DYNSYM):
        named = names or elf
        table = symbol_section(named, kind)
        if table is not None:
            sections = [elf.section(section.name) if names else section for section in named.sections]
            for symbol in read_symbols(named, table):
                yield from _claims(sections, symbol, is_go=is_go)


def _claims(sections: Sequence[Section | None], symbol: Symbol, *, is_go: bool) -> Iterator[Claim]:
    if not symbol.size or not symbol.name or symbol.name in _CARRIERS or not 0 < symbol.section < len(sections):
        return
    section = sections[symbol.section]
    if section is None:
        return
    distance = symbol.address - section.address
    if section.type == SHT_NOBITS or not 0 <= distance < section.size or symbol.size > section.size - distance:
        return
    kind = PartKind.CODE if symbol.type == STT_FUNC else PartKind.DATA
    start = section.offset + distance
    name = symbol.name if is_go else readable(symbol.name)
    yield (start, start + symbol.size, of_package(owner_package(symbol.name, is_go=is_go), name, kind), True)


def owner_package(name: str, *, is_go: bool) -> str:
    """Give the package of a symbol, or the crate of one of Rust; "" for what is neither's."""
    return package_of(name) if is_go else owner_of(name)


def table_claims(elf: ElfFile, *, is_go: bool) -> Iterator[Claim]:
    """Claim the rows of the symbol table and the names, each for whom it names.

    Raises:
        InvalidExecutable: It has more symbols than any program.
    """
    table = symbol_section(elf)
    if table is None:
        return
    row = calcsize("=IBBHQQ" if elf.bits == 64 else "=IIIBBH")
    names = name_section(elf, table)
    for index, symbol in enumerate(read_symbols(elf, table)):
        package = owner_package(symbol.name, is_go=is_go)
        part = "symbol table" if package else _part(symbol)
        owner = of_package(package, part, PartKind.SYMBOL)
        at = table.offset + index * row
        yield (at, at + row, owner, True)
        if names is not None and symbol.name:
            start = names.offset + symbol.name_offset
            yield (start, min(start + len(symbol.name.encode()) + 1, _end(names)), owner, True)


def _part(symbol: Symbol) -> str:
    return "symbol table (files and sections)" if symbol.type in {STT_FILE, STT_SECTION} else f"symbol table: {C_CODE}"


def _end(section: Section) -> int:
    return section.offset + section.size
