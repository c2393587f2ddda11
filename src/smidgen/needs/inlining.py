"""Inlined calls: into which functions a function was inlined, read from the tables of the Go runtime.

Each function has a tree of the calls that were inlined into it, for stack traces. A record of the tree names the
inlined function by its place in the table's names, so that the records of one function are found by their bytes.

Source: Go's ``runtime/symtabinl.go`` (``inlinedCall``), ``runtime/runtime2.go`` (``_func``), ``runtime/symtab.go``
(``moduledata.gofunc``, which the offsets of trees are relative to), ``internal/abi/symtab.go`` (FUNCDATA_InlTree).
"""

import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from smidgen.elf.functab import FunctionTable
from smidgen.elf.header import ElfFile
from smidgen.elf.moduledata import find_modules
from smidgen.elf.relocation import pointer_at
from smidgen.errors import InvalidExecutable

# Words of a function's record: number of values about its code, number of those about its data (in one byte), and
# where the former begin; the latter follow.
_CODE_COUNT = 7
_DATA_COUNT = 10
_DATA_VALUES = 11
_INLINE_TREE = 3
_ABSENT = 0xFFFFFFFF
# inlinedCall: kind of function, three bytes of padding, name, place of the call, line.
_NODE_SIZE = 16
# The pointer has been among these words of moduledata since Go 1.20; which one it is, the trees themselves show.
_GOFUNC_WORDS = range(38, 60)
_SAMPLE = 64
_HIT_LIMIT = 100_000


class InlineIndex:
    """What was inlined where in one program."""

    def __init__(self, elf: ElfFile, table: FunctionTable) -> None:
        self._elf = elf
        self._table = table

    @cached_property
    def readable(self) -> bool:
        """The trees were found; not so before Go 1.20, or in a program that somebody else's linker rearranged.

        Raises:
            InvalidExecutable: The function table is damaged.
        """
        if self._table.header.layout != "1.20":
            return False
        return self._base is not None or not self._starts

    def inlined_into(self, name: str) -> frozenset[str]:
        """Give the functions that have *name* inlined, directly or through another inlined function.

        Raises:
            InvalidExecutable: The function table is damaged.
        """
        if not self.readable or self._base is None or not self._table.has(name):
            return frozenset()
        found: set[int] = set()
        for at in self._nodes(name, self._base):
            index = bisect_right(self._starts, at - self._base) - 1
            if index >= 0 and (at - self._base - self._starts[index]) % _NODE_SIZE == 0:
                found.add(self._starts[index])
        # Equal trees are stored once, so that one can belong to several functions.
        names = self._table.function_names
        owners = (names[index] for index, tree in enumerate(self._trees) if tree in found) if found else ()
        return frozenset(owners) - {name}

    def _nodes(self, name: str, base: int) -> Iterator[int]:
        """Give where in the file the records of *name* are."""
        byteorder = self._byteorder
        # A tree has at most as many records as its function has calls: the last one ends within a megabyte.
        end = min(len(self._elf.data), base + self._starts[-1] + (1 << 20))
        for offset in self._name_offsets(name):
            # The padding is zero, so that seven bytes are known.
            pattern = b"\0\0\0" + offset.to_bytes(4, byteorder)
            at = self._elf.data.find(pattern, base, end)
            for _ in range(_HIT_LIMIT):
                if at < 0:
                    break
                if (at - 1 - base) % 4 == 0 and self._is_node(at - 1):
                    yield at - 1
                at = self._elf.data.find(pattern, at + 1, end)

    def _name_offsets(self, name: str) -> Iterator[int]:
        blob = b"\0" + self._table.names_blob
        pattern = b"\0" + name.encode() + b"\0"
        at = blob.find(pattern)
        while at >= 0:
            yield at
            at = blob.find(pattern, at + 1)

    @property
    def _byteorder(self) -> Literal["little", "big"]:
        return "little" if self._elf.endian == "<" else "big"

    @cached_property
    def _starts(self) -> list[int]:
        """Offsets of the trees, in order, each once."""
        return sorted({tree for tree in self._trees if tree != _ABSENT})

    @cached_property
    def _trees(self) -> list[int]:
        """Offset of each function's tree, or _ABSENT, in the order of the functions."""
        header = self._table.header
        rows = self._integers(header.rows, header.rows + 8 * header.count)
        records = self._integers(header.rows, header.end)
        # The number of values about data is in the last byte of its word.
        shift = 24 if self._elf.endian == "<" else 0
        try:
            return [
                records[at + _DATA_VALUES + records[at + _CODE_COUNT] + _INLINE_TREE]
                if records[at + _DATA_COUNT] >> shift & 0xFF > _INLINE_TREE
                else _ABSENT
                for at in (offset >> 2 for offset in rows[1::2])
            ]
        except IndexError as error:
            raise InvalidExecutable(
                "a function's record lies outside of the function table", offset=header.rows
            ) from error

    def _integers(self, start: int, end: int) -> "array[int]":
        """Read integers of 32 bits between two offsets of the file; a rest of less than one is left out."""
        values = array("I")
        values.frombytes(self._elf.data[start : start + (end - start) // 4 * 4])
        if (self._elf.endian == "<") != (sys.byteorder == "little"):
            values.byteswap()
        return values

    @cached_property
    def _base(self) -> int | None:
        """Where in the file the offsets of trees are relative to."""
        sample = self._starts[:_SAMPLE]
        width = self._elf.bits // 8
        header = self._table.header
        for module in find_modules(self._elf, header.offset, header.names - header.offset):
            for word in _GOFUNC_WORDS:
                try:
                    extent = self._elf.image.extent(pointer_at(self._elf, module + word * width))
                except InvalidExecutable:
                    break
                if extent is not None and sample and all(self._is_node(extent[0] + offset) for offset in sample):
                    return extent[0]
        return None

    def _is_node(self, at: int) -> bool:
        """Say whether a record can be at this place of the file: its name starts where a name does."""
        node = self._elf.data[at : at + _NODE_SIZE]
        if len(node) < _NODE_SIZE or node[1:4] != b"\0\0\0":
            return False
        name: int
        place: int
        line: int
        name, place, line = struct.Struct(self._elf.endian + "iii").unpack_from(node, 4)
        names = self._table.names_blob
        if not 0 <= name < len(names) or place < 0 or line <= 0:
            return False
        # The very first name has nothing in front of it.
        return names[name] != 0 and (name == 0 or names[name - 1] == 0)
