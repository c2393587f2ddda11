"""The Go function table: every function of a Go program, with symbols or without.

The Go runtime needs it for stack traces, so that it is there in each Go program and ``strip`` cannot take it away. It
has two parts of interest: the names, of the functions that were linked *and* of those that were only inlined, and a
row for each function that was linked.

Source: Go's ``cmd/link/internal/ld/pcln.go`` (writer), ``runtime/symtab.go`` (pcHeader, moduledata) and
``runtime/runtime2.go`` (``_func``).
"""

import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from struct import Struct
from typing import Final

from smidgen.elf.header import SHT_NOBITS, ElfFile
from smidgen.elf.moduledata import find_text_start
from smidgen.elf.segments import PF_X
from smidgen.errors import InvalidExecutable

_MAGIC_1_2: Final = 0xFFFFFFFB
_MAGIC_1_16: Final = 0xFFFFFFFA
_MAGIC_1_18: Final = 0xFFFFFFF0
_MAGIC_1_20: Final = 0xFFFFFFF1
_LAYOUTS: Final = {_MAGIC_1_16: "1.16", _MAGIC_1_18: "1.18", _MAGIC_1_20: "1.20"}

_SECTIONS: Final = (".gopclntab", ".data.rel.ro.gopclntab")
# A program that reads such tables itself holds the magic as a constant a few times.
_CANDIDATE_LIMIT: Final = 1000


@dataclass(frozen=True, slots=True)
class Function:
    """A function that was linked.

    Attributes:
        name: With its package path, receiver and type arguments, such as ``net/http.(*Client).Do``.
        entry: Address of its first instruction, before the load address of a position-independent program is added.
        size: Bytes up to the next function, so with the padding behind it.
        start_line: Line of its declaration; 0 where it is not known (Go before 1.20, some assembly).
    """

    name: str
    entry: int
    size: int
    start_line: int


@dataclass(frozen=True, slots=True)
class TableHeader:
    """The head of the table, checked against the file.

    Attributes:
        layout: First Go release with this layout: ``1.16``, ``1.18`` or ``1.20``.
        offset: Where the table is in the file, in bytes.
        end: Where it ends at the latest.
        count: Number of functions.
        text_start: Address that entries are relative to, as it stands in the file; 0 where another place has it.
        names: Offset in the file of the names.
        names_end: Where they end.
        rows: Offset in the file of the rows, and of the functions' records behind them.
    """

    layout: str
    offset: int
    end: int
    count: int
    text_start: int
    names: int
    names_end: int
    rows: int


class FunctionTable:
    """The functions of a Go program.

    Nothing but the head is read until it is asked for; a name is looked up without a loop over the functions.
    """

    def __init__(self, elf: ElfFile, header: TableHeader) -> None:
        self._elf = elf
        self.header = header

    @cached_property
    def names_blob(self) -> bytes:
        """All names, each with a zero byte behind it."""
        return self._elf.data[self.header.names : self.header.names_end]

    @cached_property
    def _name_set(self) -> frozenset[bytes]:
        return frozenset(self.names_blob.split(b"\0"))

    def has(self, name: str) -> bool:
        """Say whether the program has the function *name*, with a body of its own or inlined into others."""
        return name != "" and name.encode() in self._name_set

    def has_prefix(self, prefix: str) -> bool:
        """Say whether a function's name starts with *prefix*, such as ``runtime/cgo.``."""
        sought = prefix.encode()
        return sought != b"" and (self.names_blob.startswith(sought) or b"\0" + sought in self.names_blob)

    def is_linked(self, name: str) -> bool:
        """Say whether the function *name* has a body of its own, so that it is not only inlined into others.

        Raises:
            InvalidExecutable: The table is damaged.
        """
        if not self.has(name):
            return False
        sought = name.encode() + b"\0"
        if self.names_blob.startswith(sought) and 0 in self._linked:
            return True
        at = self.names_blob.find(b"\0" + sought)
        while at >= 0:
            if at + 1 in self._linked:
                return True
            at = self.names_blob.find(b"\0" + sought, at + 1)
        return False

    def names(self) -> Iterator[str]:
        """Give each name, inlined functions' too, in the order of the table."""
        for name in self.names_blob.split(b"\0"):
            if name:
                yield name.decode("utf-8", "backslashreplace")

    @property
    def uses_cgo(self) -> bool:
        """C code was linked in through cgo."""
        return self.has_prefix("runtime/cgo.") or self.has_prefix("_cgo_")

    @cached_property
    def text_start(self) -> int:
        """Address that the entries are relative to.

        Raises:
            InvalidExecutable: Neither the table nor the runtime's module data has it.
        """
        if self.header.layout == "1.16":
            return 0
        if self.header.text_start:
            return self.header.text_start
        names = self.header.names - self.header.offset
        return find_text_start(self._elf, self.header.offset, names)

    def functions(self) -> Iterator[Function]:
        """Give each function that was linked, in the order of their addresses.

        Raises:
            InvalidExecutable: The table is damaged.
        """
        entries, _ = self._rows
        base = self.text_start
        offset = self.header.rows
        for index, (name, line) in enumerate(self._records()):
            size = entries[index + 1] - entries[index]
            if size < 0:
                raise InvalidExecutable("functions are not in the order of their addresses", offset=offset)
            yield Function(self._name_at(name), base + entries[index], size, line)

    @cached_property
    def _linked(self) -> frozenset[int]:
        """Offsets in the names of the functions with a body of their own."""
        return frozenset(name for name, _ in self._records())

    @cached_property
    def _rows(self) -> tuple["array[int]", "array[int]"]:
        """Entries (one more than functions: the last one's end) and the offsets of the functions' records."""
        header = self.header
        # Until 1.17 a row was two pointers, since then it is two 32-bit offsets.
        code = "Q" if header.layout == "1.16" and self._elf.bits == 64 else "I"
        table = array(code)
        table.frombytes(self._elf.data[header.rows : header.rows + (2 * header.count + 1) * table.itemsize])
        if (self._elf.endian == "<") != (sys.byteorder == "little"):
            table.byteswap()
        return table[0::2], table[1::2]

    def _records(self) -> Iterator[tuple[int, int]]:
        """Give each function's offset in the names, and its line, or 0."""
        header = self.header
        region = self._elf.data[header.rows : header.end]
        entry = 8 if header.layout == "1.16" and self._elf.bits == 64 else 4
        # Name, then (since 1.20) eight more fields of 32 bits before the line.
        layout = Struct(f"{self._elf.endian}{entry}xI" + ("28xI" if header.layout == "1.20" else ""))
        last = len(region) - layout.size
        for offset in self._rows[1]:
            if offset > last:
                raise InvalidExecutable(
                    f"a function's record at {offset:#x} lies outside of the function table", offset=header.rows
                )
            fields = layout.unpack_from(region, offset)
            yield fields[0], fields[-1] if len(fields) > 1 else 0

    def _name_at(self, offset: int) -> str:
        """Read the name at an offset of the names."""
        end = self.names_blob.find(b"\0", offset)
        if end < 0:
            raise InvalidExecutable(
                f"a function's name at {offset:#x} lies outside of the names", offset=self.header.names
            )
        return self.names_blob[offset:end].decode("utf-8", "backslashreplace")


def read_function_table(elf: ElfFile) -> FunctionTable | None:
    """Find the function table, or give None for a program that has none (it is not Go, or it is packed).

    Raises:
        InvalidExecutable: There is one, and it is damaged or of a Go older or newer than known here.
    """
    for name in _SECTIONS:
        section = elf.section(name)
        if section is not None and section.type != SHT_NOBITS and section.size:
            return FunctionTable(elf, _read_header(elf, section.offset, section.offset + section.size))
    found = _scan(elf)
    return FunctionTable(elf, found) if found is not None else None


def _scan(elf: ElfFile) -> TableHeader | None:
    """Look for the table by its magic: the section table was stripped, or a linker merged the section into another."""
    # Code comes last: it is the largest part, and has the table in no build that Go's linker makes.
    segments = sorted(elf.image.loaded, key=lambda segment: segment.flags & PF_X)
    candidates = 0
    for magic in (_MAGIC_1_20, _MAGIC_1_18, _MAGIC_1_16):
        pattern = magic.to_bytes(4, "little" if elf.endian == "<" else "big") + b"\0\0"
        for segment in segments:
            end = min(segment.offset + segment.file_size, len(elf.data))
            at = elf.data.find(pattern, segment.offset, end)
            while at >= 0 and candidates < _CANDIDATE_LIMIT:
                candidates += 1
                try:
                    return _read_header(elf, at, end)
                except InvalidExecutable:
                    at = elf.data.find(pattern, at + 1, end)
    return None


def _read_header(elf: ElfFile, offset: int, end: int) -> TableHeader:
    """Read and check the head of the table at *offset* of the file; it ends at *end* at the latest."""
    data = elf.data[offset : min(end, offset + 72)]
    magic = int.from_bytes(data[:4], "little" if elf.endian == "<" else "big")
    layout = _LAYOUTS.get(magic)
    if layout is None:
        older = magic == _MAGIC_1_2
        raise InvalidExecutable(
            f"a Go function table of kind {magic:#x}, expected one of {', '.join(map(hex, _LAYOUTS))}",
            offset=offset,
            hint="build the program with Go 1.16 or newer" if older else "the program was built with a newer Go",
        )
    words = 7 if layout == "1.16" else 8
    layout_struct = Struct(f"{elf.endian}{words}{'Q' if elf.bits == 64 else 'I'}")
    if len(data) < 8 + layout_struct.size:
        raise InvalidExecutable(f"a Go function table of {len(data)} bytes", offset=offset)
    if data[4:6] != b"\0\0" or data[6] not in {1, 2, 4} or data[7] != elf.bits // 8:
        raise InvalidExecutable(f"the head of a Go function table goes on with {data[4:8].hex()}", offset=offset + 4)
    count, _, *rest = layout_struct.unpack_from(data, 8)
    text_start = rest.pop(0) if words == 8 else 0
    names, units, files, programs, rows = rest
    head_size = 8 + layout_struct.size
    if not head_size <= names < units <= files <= programs <= rows <= end - offset:
        raise InvalidExecutable("the parts of a Go function table are out of order", offset=offset + 8)
    row_size = 2 * (elf.bits // 8 if layout == "1.16" else 4)
    if not 0 < count <= (end - offset - rows) // row_size:
        raise InvalidExecutable(f"a Go function table of {count} functions does not fit its section", offset=offset + 8)
    return TableHeader(layout, offset, end, count, text_start, offset + names, offset + units, offset + rows)
