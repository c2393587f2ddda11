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
from itertools import repeat
from operator import gt, sub
from struct import Struct
from typing import Final, NamedTuple

from smidgen.elf.header import ET_EXEC, SHT_NOBITS, ElfFile
from smidgen.elf.machine import (
    EM_386,
    EM_AARCH64,
    EM_ARM,
    EM_LOONGARCH,
    EM_MIPS,
    EM_PPC64,
    EM_RISCV,
    EM_S390,
    EM_X86_64,
)
from smidgen.elf.moduledata import find_text_start
from smidgen.elf.segments import PF_X
from smidgen.errors import InvalidExecutable

_MAGIC_1_2: Final = 0xFFFFFFFB
_MAGIC_1_16: Final = 0xFFFFFFFA
_MAGIC_1_18: Final = 0xFFFFFFF0
_MAGIC_1_20: Final = 0xFFFFFFF1
_LAYOUTS: Final = {_MAGIC_1_16: "1.16", _MAGIC_1_18: "1.18", _MAGIC_1_20: "1.20"}

# Least common multiple of the lengths of a machine's instructions, as Go has (or had) it in the table's head.
_QUANTA: Final = {
    EM_386: (1,),
    EM_X86_64: (1,),
    EM_S390: (2,),
    EM_RISCV: (2, 4),
    EM_AARCH64: (4,),
    EM_ARM: (4,),
    EM_LOONGARCH: (4,),
    EM_MIPS: (4,),
    EM_PPC64: (4,),
}

# Fields of a function's record, in units of 32 bits (1.18 and newer), and what a record takes at the least, in bytes.
_LINE_FIELD: Final = 9
_RECORD_SIZE: Final = 44

_SECTIONS: Final = (".gopclntab", ".data.rel.ro.gopclntab")
# Where linkers other than Go's put it.
_MERGED_SECTIONS: Final = (".data.rel.ro", ".rodata")
# A program that reads such tables itself holds the magic as a constant a few times.
_CANDIDATE_LIMIT: Final = 1000


class Function(NamedTuple):
    """A function that was linked; a named tuple, as a program has tens of thousands.

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
        names_end: Where they end, and the files of each compilation unit begin.
        files: Offset in the file of the names of source files.
        values: Offset in the file of the tables that give a value for each instruction.
        rows: Offset in the file of the rows, and of the functions' records behind them.
    """

    layout: str
    offset: int
    end: int
    count: int
    text_start: int
    names: int
    names_end: int
    files: int
    values: int
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
        return any(offset in self._linked for offset in self.name_offsets(name))

    def name_offsets(self, name: str) -> Iterator[int]:
        """Give where in the names *name* is: more than once where several functions have it, such as closures."""
        sought = name.encode() + b"\0"
        if self.names_blob.startswith(sought):
            yield 0
        at = self.names_blob.find(b"\0" + sought)
        while at >= 0:
            yield at + 1
            at = self.names_blob.find(b"\0" + sought, at + 1)

    def names(self) -> Iterator[str]:
        """Give each name, inlined functions' too, in the order of the table."""
        for name in self.names_blob.split(b"\0"):
            if name:
                yield name.decode("utf-8", "backslashreplace")

    @property
    def uses_cgo(self) -> bool:
        """C code was linked in through cgo."""
        return self.has_prefix("runtime/cgo.") or self.has_prefix("_cgo_")

    @property
    def method_elimination_off(self) -> bool:
        """The linker could not drop methods that nothing calls, so that a function's presence proves less.

        That is so where a method is looked up by a name that is not known before the program runs, as text/template
        does. All methods of reflect's types are then there, among them some that hardly any program calls.
        """
        return all(self.has(f"reflect.(*rtype).{name}") for name in ("ChanDir", "FieldAlign", "IsVariadic"))

    @cached_property
    def text_start(self) -> int:
        """Address that the entries are relative to.

        Raises:
            InvalidExecutable: Neither the table nor the runtime's module data has it.
        """
        if self.header.layout == "1.16":
            return 0
        # Until 1.25 the head has it; in a position-independent program that is for the loader to fill in.
        if self.header.text_start and self._elf.type == ET_EXEC:
            return self.header.text_start
        return find_text_start(self._elf, self.header.offset, self.header.names - self.header.offset)

    @cached_property
    def entries(self) -> list[int]:
        """Addresses of the functions that were linked, in order; one more than functions, where the last one ends.

        Raises:
            InvalidExecutable: The table is damaged.
        """
        relative, _ = self.rows
        if any(map(gt, relative, relative[1:])):
            raise InvalidExecutable("functions are not in the order of their addresses", offset=self.header.rows)
        base = self.text_start
        return [base + entry for entry in relative]

    @cached_property
    def function_names(self) -> list[str]:
        """Names of the functions that were linked, in the order of ``entries``.

        Raises:
            InvalidExecutable: The table is damaged.
        """
        offsets = self._fields(self._name_field)
        if max(offsets) > self.names_blob.rfind(b"\0"):
            raise InvalidExecutable(
                f"a function's name at {max(offsets):#x} lies outside of the names", offset=self.header.names
            )
        # One character a byte, so that the offsets fit; most names have no others.
        text = self.names_blob.decode("latin-1")
        # Each name once, and none that begins within another: together they are no longer than the table.
        names = {offset: text[offset : text.find("\0", offset)] for offset in _starts(text, offsets)}
        if not text.isascii():
            names = {offset: name if name.isascii() else _from_latin(name) for offset, name in names.items()}
        try:
            return [names[offset] for offset in offsets]
        except KeyError as error:
            raise InvalidExecutable(
                f"a function's name at {error.args[0]:#x} begins within another", offset=self.header.names
            ) from None

    def functions(self) -> Iterator[Function]:
        """Give each function that was linked, in the order of their addresses.

        Raises:
            InvalidExecutable: The table is damaged.
        """
        entries = self.entries
        lines = self._fields(_LINE_FIELD) if self.header.layout == "1.20" else repeat(0)
        sizes = map(sub, entries[1:], entries)
        return map(Function._make, zip(self.function_names, entries, sizes, lines, strict=False))

    @cached_property
    def _linked(self) -> frozenset[int]:
        """Offsets in the names of the functions with a body of their own."""
        return frozenset(self._fields(self._name_field))

    @property
    def _name_field(self) -> int:
        """Index, in units of 32 bits, of the name in a function's record: it follows the entry."""
        return 2 if self.header.layout == "1.16" and self._elf.bits == 64 else 1

    @cached_property
    def rows(self) -> tuple["array[int]", "array[int]"]:
        """Entries (one more than functions: the last one's end) and the offsets in bytes of the functions' records.

        Both are as they stand in the file; records count from where the rows begin.
        """
        header = self.header
        # Until 1.17 a row was two pointers, since then it is two 32-bit offsets.
        code = "Q" if header.layout == "1.16" and self._elf.bits == 64 else "I"
        table = self._integers(code, header.rows, header.rows + (2 * header.count + 1) * array(code).itemsize)
        return table[0::2], table[1::2]

    @cached_property
    def records(self) -> "array[int]":
        """The functions' records in units of 32 bits, from the same place that their offsets count from."""
        # Where the table was found by its magic, its end is not known: the last record tells.
        rows = self.header.rows
        return self._integers("I", rows, min(self.header.end, rows + max(self.rows[1]) + _RECORD_SIZE))

    def _integers(self, code: str, start: int, end: int) -> "array[int]":
        """Read integers of the array module's type *code* between two offsets of the file."""
        values = array(code)
        values.frombytes(self._elf.data[start : end - (end - start) % values.itemsize])
        if (self._elf.endian == "<") != (sys.byteorder == "little"):
            values.byteswap()
        return values

    def _fields(self, index: int) -> list[int]:
        """Give the field at *index* of each function's record."""
        records = self.records
        try:
            return [records[(offset >> 2) + index] for offset in self.rows[1]]
        except IndexError:
            raise InvalidExecutable(
                "a function's record lies outside of the function table", offset=self.header.rows
            ) from None


def _starts(text: str, offsets: list[int]) -> Iterator[int]:
    """Give those of *offsets* at which a name begins, each once."""
    return (offset for offset in set(offsets) if offset == 0 or text[offset - 1] == "\0")


def _from_latin(name: str) -> str:
    """Decode a name as UTF-8 that was decoded as if each byte were a character."""
    return name.encode("latin-1").decode("utf-8", "backslashreplace")


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
    candidates = 0
    for start, end in _regions(elf):
        for pattern, before in _patterns(elf):
            at = elf.data.find(pattern, start, end)
            while at >= 0 and candidates < _CANDIDATE_LIMIT:
                candidates += 1
                try:
                    return _read_header(elf, at - before, end)
                except InvalidExecutable:
                    at = elf.data.find(pattern, at + 1, end)
    return None


def _regions(elf: ElfFile) -> Iterator[tuple[int, int]]:
    """Give the parts of the file that may hold the table, the likely first, as offsets."""
    for name in _MERGED_SECTIONS:
        section = elf.section(name)
        if section is not None and section.type != SHT_NOBITS:
            yield section.offset, section.offset + section.size
    # Code comes last: it is the largest part, and has the table in no build that Go's linker makes.
    for segment in sorted(elf.image.loaded, key=lambda segment: segment.flags & PF_X):
        yield segment.offset, min(segment.offset + segment.file_size, len(elf.data))


def _patterns(elf: ElfFile) -> Iterator[tuple[bytes, int]]:
    """Give what to search for, and how many bytes of the table are before it."""
    for quantum in _QUANTA.get(elf.machine, ()):
        tail = bytes((0, 0, quantum, elf.bits // 8))
        if elf.endian == "<":
            # All kinds differ in their first byte only, so that one search finds any of them.
            yield b"\xff\xff\xff" + tail, 1
        else:
            for magic in _LAYOUTS:
                yield magic.to_bytes(4, "big") + tail, 0


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
    parts = (offset + part for part in (names, units, files, programs, rows))
    return TableHeader(layout, offset, end, count, text_start, *parts)
