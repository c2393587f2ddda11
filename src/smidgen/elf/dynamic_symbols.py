"""Dynamic symbols: what a program or library takes from others, and what it gives them.

Source: System V ABI, chapter 4, "Symbol Table", chapter 5, "Hash Table"; for ``DT_GNU_HASH`` the layout that binutils
writes (buckets of the first symbol of a chain, whose last value has its lowest bit set).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from smidgen.elf.header import ElfFile
from smidgen.elf.versions import INDEX_MASK, read_defined_versions, read_needed_versions
from smidgen.errors import InvalidExecutable

_DT_HASH: Final = 4
_DT_SYMTAB: Final = 6
_DT_GNU_HASH: Final = 0x6FFFFEF5
_DT_VERSYM: Final = 0x6FFFFFF0

_SHT_DYNSYM: Final = 11
_SHN_UNDEF: Final = 0
_BIND_LOCAL: Final = 0
_BIND_WEAK: Final = 2
# Chromium's libraries have some 100,000.
_SYMBOL_LIMIT: Final = 1_000_000
_NAME_LIMIT: Final = 65536

_SYMBOL = {32: "IIIBBH", 64: "IBBHQQ"}


@dataclass(frozen=True, slots=True)
class WantedSymbol:
    """A symbol that has to come from another object.

    Attributes:
        name: Such as ``getaddrinfo``.
        version: Such as ``GLIBC_2.34``, or empty.
        library: Which library the version is of; empty where there is no version.
        is_weak: It may be missing.
    """

    name: str
    version: str
    library: str
    is_weak: bool


@dataclass(frozen=True, slots=True)
class DynamicSymbols:
    """The symbols of one object.

    Attributes:
        wanted: What it takes, in the order of the table.
        defined: What it gives: names, each with its version, "" where it has none.
    """

    wanted: tuple[WantedSymbol, ...] = ()
    defined: frozenset[tuple[str, str]] = frozenset()


def read_dynamic_symbols(elf: ElfFile) -> DynamicSymbols:
    """Read the dynamic symbol table; an object without one gives an empty value.

    Raises:
        InvalidExecutable: It leaves the file, or names strings outside of their table.
    """
    rows = _table(elf)
    if rows is None:
        return DynamicSymbols()
    names = _Names(elf)
    needed = {one.index: (one.version, one.library) for one in read_needed_versions(elf)}
    given = {one.index: one.version for one in read_defined_versions(elf)}
    indexes = _version_indexes(elf, len(rows))
    wanted: list[WantedSymbol] = []
    defined: set[tuple[str, str]] = set()
    # The first row stands for no symbol.
    for at, (name, info, section) in enumerate(rows[1:], 1):
        bind = info >> 4
        if bind == _BIND_LOCAL:
            continue
        index = indexes[at] & INDEX_MASK if indexes else 0
        if section == _SHN_UNDEF:
            version, library = needed.get(index, ("", ""))
            wanted.append(WantedSymbol(names.at(name), version, library, bind == _BIND_WEAK))
        else:
            defined.add((names.at(name), given.get(index, "")))
    return DynamicSymbols(tuple(wanted), frozenset(defined))


class _Names:
    """The names of symbols: a copy of the strings, as each is looked up."""

    def __init__(self, elf: ElfFile) -> None:
        start, end = elf.dynamic.strings
        self._start = start
        self._data = elf.data[start:end]

    def at(self, offset: int) -> str:
        end = self._data.find(b"\0", offset, offset + _NAME_LIMIT)
        if offset >= len(self._data) or end < 0:
            raise InvalidExecutable("the name of a symbol lies outside of its table", offset=self._start + offset)
        return self._data[offset:end].decode("utf-8", "backslashreplace")


def _table(elf: ElfFile) -> list[tuple[int, int, int]] | None:
    """Give name, info and section of each symbol, or None where there is no table."""
    address = elf.dynamic.values.get(_DT_SYMTAB)
    if address is None or elf.dynamic.strings == (0, 0):
        return None
    layout = Struct(elf.endian + _SYMBOL[elf.bits])
    count = _count(elf)
    if count > _SYMBOL_LIMIT:
        raise InvalidExecutable(f"{count} dynamic symbols, the limit is {_SYMBOL_LIMIT}")
    data = elf.image.read(address, count * layout.size)
    if elf.bits == 64:
        return [(name, info, section) for name, info, _, section, _, _ in layout.iter_unpack(data)]
    return [(name, info, section) for name, _, _, info, _, section in layout.iter_unpack(data)]


def _count(elf: ElfFile) -> int:
    """Tell how many symbols there are, which no tag says by itself."""
    values = elf.dynamic.values
    # Alpha and s390x have words of 8 bytes here; their section table says it as well.
    section = next((one for one in elf.sections if one.type == _SHT_DYNSYM), None)
    if section is not None:
        return section.size // Struct(elf.endian + _SYMBOL[elf.bits]).size
    if _DT_HASH in values:
        return next(_words(elf, values[_DT_HASH] + 4, 1))
    if _DT_GNU_HASH in values:
        return _count_by_gnu_table(elf, values[_DT_GNU_HASH])
    return 0


def _count_by_gnu_table(elf: ElfFile, address: int) -> int:
    buckets, first, bloom = (next(_words(elf, address + 4 * at, 1)) for at in range(3))
    if max(buckets, bloom) > _SYMBOL_LIMIT:
        raise InvalidExecutable(f"a table of {max(buckets, bloom)} rows for dynamic symbols")
    start = address + 16 + bloom * elf.bits // 8
    last = max(_words(elf, start, buckets), default=0)
    if last < first:
        # All buckets are empty: only what is undefined has a row.
        return first
    values = start + 4 * buckets
    extent = elf.image.extent(values + 4 * (last - first))
    for at in range((extent[1] - extent[0]) // 4 if extent else 0):
        if next(_words(elf, values + 4 * (last - first + at), 1)) & 1:
            return last + at + 1
    raise InvalidExecutable("the table of dynamic symbols has no end")


def _words(elf: ElfFile, address: int, count: int) -> Iterator[int]:
    return (int(one) for (one,) in Struct(elf.endian + "I").iter_unpack(elf.image.read(address, 4 * count)))


def _version_indexes(elf: ElfFile, count: int) -> tuple[int, ...]:
    address = elf.dynamic.values.get(_DT_VERSYM)
    if address is None:
        return ()
    return tuple(map(int, Struct(f"{elf.endian}{count}H").unpack(elf.image.read(address, 2 * count))))
