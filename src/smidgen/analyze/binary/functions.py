"""Functions: their code, and what the Go runtime's tables have about each of them.

Tables that are equal are stored once. What only functions of one package use is that package's; what several
packages use is said to be shared, as none of them could save it by going away.

Source: Go's ``cmd/link/internal/ld/pcln.go`` (writer), ``runtime/runtime2.go`` (``_func``), ``runtime/symtab.go``.
"""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from smidgen.analyze.binary.ledger import Claim, Owner
from smidgen.analyze.binary.owners import of_format, of_package, package_of, shared
from smidgen.analyze.explained import PartKind
from smidgen.elf.functab import FunctionTable
from smidgen.elf.header import ElfFile
from smidgen.elf.machine import EM_386, EM_X86_64
from smidgen.elf.moduledata import ModuleData

# Words of a function's record; before Go 1.20 those from the count of data on are one less.
_VALUES = (4, 5, 6)
_VALUE_COUNT, _UNIT, _DATA_COUNT, _FIRST_VALUE = 7, 8, 10, 11
_ABSENT = 0xFFFFFFFF
# The compiler knows 4 values about code and 8 kinds of data; there is some room for more to come.
_COUNT_LIMIT = 16
_BUCKET = (4096, 20)
_SEARCH_TABLE = "runtime.findfunctab"


class Functions:
    """The functions of a Go program, with the package of each.

    Attributes:
        names: Of the functions, in the order of their addresses.
        packages: Likewise; "" for what is no package's.
    """

    def __init__(self, elf: ElfFile, table: FunctionTable) -> None:
        self.elf = elf
        self.table = table
        self.names = table.function_names
        self.packages = _packages(self.names)
        self._shift = 0 if table.header.layout == "1.20" else 1
        self.records = _whole_records(elf, table)
        # One owner a function, as making them anew for each table would take as long as all else.
        self._owners = [
            of_package(package, name, PartKind.TABLE) for package, name in zip(self.packages, self.names, strict=True)
        ]

    def code(self) -> Iterator[Claim]:
        """Claim the functions' code, and the padding behind each.

        Raises:
            InvalidExecutable: The function table is damaged.
        """
        entries = self.table.entries
        extent = self.elf.image.extent(entries[0])
        if extent is None:
            return
        shift = extent[0] - entries[0]
        # Elsewhere the padding is part of the function, as the compiler has it.
        filler = b"\xcc" if self.elf.machine in {EM_X86_64, EM_386} else b""
        data = self.elf.data[extent[0] : min(extent[1], entries[-1] + shift)]
        first = entries[0]
        paddings = {package: of_package(package, "", PartKind.PADDING) for package in self.packages}
        for name, package, start, end in zip(self.names, self.packages, entries, entries[1:], strict=False):
            # Padding is shorter than what functions are aligned to.
            tail = data[max(start, end - 64) - first : end - first]
            code_end = end - (len(tail) - len(tail.rstrip(filler)) if filler else 0)
            yield (start + shift, code_end + shift, of_package(package, name, PartKind.CODE), True)
            if code_end < end:
                yield (code_end + shift, end + shift, paddings[package], True)

    def tables(self, module: ModuleData | None) -> Iterator[Claim]:
        """Claim what the runtime's tables have about each function.

        Raises:
            InvalidExecutable: The function table is damaged.
        """
        header = self.table.header
        yield (header.offset, header.names, of_package("runtime", "pcHeader", PartKind.TABLE), True)
        yield from self._names()
        if header.layout == "1.16":
            return
        yield from self._rows()
        yield from self._values()
        if module is not None:
            yield from self._data(module)
            yield from self._buckets(module)
        yield from _Files(self).claims()

    def _names(self) -> Iterator[Claim]:
        at = self.table.header.names
        known = {owner.part: owner for owner in self._owners}
        for name in self.table.names_blob.split(b"\0")[:-1]:
            text = name.decode("utf-8", "backslashreplace")
            owner = known.get(text) or _of_name(text)
            yield (at, at + len(name) + 1, owner, True)
            at += len(name) + 1

    def _rows(self) -> Iterator[Claim]:
        """Claim the row and the record of each function."""
        header = self.table.header
        offsets = self.table.rows[1]
        for index, (owner, offset) in enumerate(zip(self._owners, offsets, strict=False)):
            row = header.rows + 8 * index
            yield (row, row + 8, owner, True)
            word = offset >> 2
            size = 4 * (_FIRST_VALUE - self._shift + sum(self._counts(word)))
            yield (header.rows + offset, header.rows + offset + size, owner, True)
        end = header.rows + 8 * len(self.names)
        yield (end, end + 4, of_package("runtime", "end of the functions", PartKind.TABLE), True)

    def _counts(self, word: int) -> tuple[int, int]:
        """Give how many values and how many data the record of a function has."""
        values = self.records[word + _VALUE_COUNT]
        data = self.records[word + _DATA_COUNT - self._shift] >> (24 if self.elf.endian == "<" else 0) & 0xFF
        return min(values, _COUNT_LIMIT), min(data, _COUNT_LIMIT)

    def _values(self) -> Iterator[Claim]:
        """Claim the tables that give a value for each instruction: line, file, height of the stack."""
        users = _Users()
        records = self.records
        first = _FIRST_VALUE - self._shift
        for owner, offset in zip(self._owners, self.table.rows[1], strict=False):
            word = offset >> 2
            count, _ = self._counts(word)
            for at in (*_VALUES, *range(first, first + count)):
                value = records[word + at]
                if value:
                    users.add(value, owner)
        header = self.table.header
        yield (header.values, header.values + 1, of_package("runtime", "pcHeader", PartKind.TABLE), True)
        yield from users.claims(header.values, header.rows, "lines and stack heights")

    def _data(self, module: ModuleData) -> Iterator[Claim]:
        """Claim stack maps, inlining trees and the like."""
        users = _Users()
        records = self.records
        for owner, offset in zip(self._owners, self.table.rows[1], strict=False):
            word = offset >> 2
            values, count = self._counts(word)
            first = word + _FIRST_VALUE - self._shift + values
            for value in records[first : first + count]:
                if value != _ABSENT:
                    users.add(value, owner)
        extent = self.elf.image.extent(module.function_data)
        if extent is not None:
            buckets = self.elf.image.extent(module.buckets)
            ends = [extent[1], *(one[0] for one in (buckets,) if one is not None and one[0] > extent[0])]
            section = _section_end(self.elf, extent[0])
            yield from users.claims(extent[0], min(*ends, section), "stack maps and inlining", last=256)

    def _buckets(self, module: ModuleData) -> Iterator[Claim]:
        extent = self.elf.image.extent(module.buckets)
        if extent is not None:
            size = -(-(module.text[1] - module.text[0]) // _BUCKET[0]) * _BUCKET[1]
            owner = of_package("runtime", _SEARCH_TABLE, PartKind.TABLE)
            yield (extent[0], min(extent[1], extent[0] + max(size, 0)), owner, True)


class _Files:
    """The names of source files, and the files of each compilation unit."""

    def __init__(self, functions: Functions) -> None:
        self._elf = functions.elf
        self._functions = functions
        self._header = functions.table.header

    def claims(self) -> Iterator[Claim]:
        header = self._header
        units = array("I")
        units.frombytes(self._elf.data[header.names_end : header.files - (header.files - header.names_end) % 4])
        packages = self._unit_packages()
        starts = sorted(packages)
        files = _Users()
        for start, end in zip(starts, [*starts[1:], len(units)], strict=True):
            package = packages[start]
            owner = of_package(package, "files of the package", PartKind.TABLE)
            yield (header.names_end + 4 * start, header.names_end + 4 * end, owner, True)
            user = of_package(package, "names of source files", PartKind.TABLE)
            for value in units[start:end]:
                if value != _ABSENT:
                    files.add(value, user)
        yield from files.claims(header.files, header.values, "names of source files", last=4096)

    def _unit_packages(self) -> dict[int, str]:
        """Give the package of each compilation unit, by where its files begin."""
        found: dict[int, str] = {}
        records = self._functions.records
        for package, offset in zip(self._functions.packages, self._functions.table.rows[1], strict=False):
            unit = records[(offset >> 2) + _UNIT]
            if unit != _ABSENT and package:
                found.setdefault(unit, package)
        return found


class _Users:
    """Who uses what is at an offset."""

    def __init__(self) -> None:
        self._by_offset: dict[int, Owner | str | None] = {}

    def add(self, offset: int, user: Owner) -> None:
        """Note a user: a package's name stands for several of that package, None for several packages."""
        known = self._by_offset.setdefault(offset, user)
        if known is not user and known is not None:
            package = known if isinstance(known, str) else known.package
            self._by_offset[offset] = package if package == user.package else None

    def claims(self, base: int, end: int, what: str, *, last: int = 1 << 20) -> Iterator[Claim]:
        """Claim from each offset to the next; behind the last at most *last* bytes."""
        offsets = sorted(self._by_offset)
        ends = [*offsets[1:], min(end - base, offsets[-1] + last)] if offsets else []
        several: dict[str | None, Owner] = {None: shared(what, PartKind.TABLE)}
        for offset, following in zip(offsets, ends, strict=True):
            user = self._by_offset[offset]
            if not isinstance(user, Owner):
                if user not in several:
                    several[user] = of_package(user or "", what, PartKind.TABLE)
                user = several[user]
            until = base + following
            yield (base + offset, min(end, until), user, True)


def _packages(names: Iterable[str]) -> list[str]:
    """Give each function's package; code without one, such as assembly, is its neighbour's in front."""
    packages: list[str] = []
    before = "runtime"
    for name in names:
        before = package_of(name) or before
        packages.append(before)
    return packages


def _of_name(name: str) -> Owner:
    """Give the owner of the name of a function that was only inlined."""
    return of_package(package_of(name) or "runtime", name, PartKind.TABLE) if name else of_format("alignment")


def _whole_records(elf: ElfFile, table: FunctionTable) -> "array[int]":
    """Read the functions' records with the values behind the last one, and with so many zeros that none is cut."""
    header = table.header
    size = max(table.rows[1]) + 4 * (_FIRST_VALUE + 2 * _COUNT_LIMIT)
    data = elf.data[header.rows : min(header.end, header.rows + size)]
    records = array("I")
    records.frombytes(data + bytes(size - len(data) + -size % 4))
    if (elf.endian == "<") != (sys.byteorder == "little"):
        records.byteswap()
    return records


def _section_end(elf: ElfFile, offset: int) -> int:
    """Give the end of the section that *offset* is in."""
    starts = sorted((section.offset, section.offset + section.size) for section in elf.sections if section.size)
    index = bisect_left(starts, (offset + 1, 0)) - 1
    return starts[index][1] if index >= 0 else len(elf.data)


def module_claim(elf: ElfFile, module: ModuleData) -> Iterator[Claim]:
    """Claim the module data themselves."""
    extent = elf.image.extent(module.address)
    if extent is not None:
        owner = of_package("runtime", "runtime.firstmoduledata", PartKind.DATA)
        yield (extent[0], extent[0] + module.size, owner, True)
