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
from smidgen.elf.relocation import places_of, pointer_at
from smidgen.elf.segments import PF_X
from smidgen.errors import InvalidExecutable
from smidgen.needs.functions import FunctionList

# Of a function's record: number of 32-bit values about program counters, number of those about data.
_RECORD = struct.Struct("28xI11xB")
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

    def __init__(self, elf: ElfFile, table: FunctionTable, functions: FunctionList) -> None:
        self._elf = elf
        self._table = table
        self._functions = functions

    @property
    def readable(self) -> bool:
        """The trees were found; not so before Go 1.20, or in a program that somebody else's linker rearranged.

        Raises:
            InvalidExecutable: The function table is damaged.
        """
        return self._base is not None or (self._table.header.layout == "1.20" and not self._trees[0])

    def inlined_into(self, name: str) -> frozenset[str]:
        """Give the functions that have *name* inlined, directly or through another inlined function.

        Raises:
            InvalidExecutable: The function table is damaged.
        """
        base = self._base
        if base is None or not self._table.has(name):
            return frozenset()
        starts, owners = self._trees
        found: set[str] = set()
        for at in self._nodes(name, base):
            index = bisect_right(starts, at - base) - 1
            if index >= 0 and (at - base - starts[index]) % _NODE_SIZE == 0:
                found.update(owners[starts[index]])
        return frozenset(found) - {name}

    def _nodes(self, name: str, base: int) -> Iterator[int]:
        """Give where in the file the records of *name* are."""
        starts, _ = self._trees
        byteorder = self._byteorder
        # A tree has at most as many records as its function has calls: the last one ends within a megabyte.
        end = min(len(self._elf.data), base + starts[-1] + (1 << 20)) if starts else base
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
    def _trees(self) -> tuple[list[int], dict[int, list[str]]]:
        """Offsets of the trees in order, and the functions that each belongs to: equal trees are stored once."""
        owners: dict[int, list[str]] = {}
        for name, offset in zip(self._functions.names, self._tree_offsets(), strict=True):
            if offset != _ABSENT:
                owners.setdefault(offset, []).append(name)
        return sorted(owners), owners

    def _tree_offsets(self) -> Iterator[int]:
        """Give the offset of each function's tree, or _ABSENT, in the order of the functions."""
        header = self._table.header
        rows = array("I")
        rows.frombytes(self._elf.data[header.rows : header.rows + 8 * header.count])
        if (self._elf.endian == "<") != (sys.byteorder == "little"):
            rows.byteswap()
        region = self._elf.data[header.rows : header.end]
        record = struct.Struct(self._elf.endian + _RECORD.format)
        value = struct.Struct(self._elf.endian + "I")
        for start in rows[1::2]:
            try:
                before, count = record.unpack_from(region, start)
                at = start + record.size + 4 * (before + _INLINE_TREE)
                yield value.unpack_from(region, at)[0] if count > _INLINE_TREE else _ABSENT
            except struct.error as error:
                raise InvalidExecutable(
                    f"a function's record at {start:#x} lies outside of the function table", offset=header.rows
                ) from error

    @cached_property
    def _base(self) -> int | None:
        """Where in the file the offsets of trees are relative to."""
        if self._table.header.layout != "1.20":
            return None
        sample = [offset for offset in self._tree_offsets() if offset != _ABSENT][:_SAMPLE]
        width = self._elf.bits // 8
        for module in self._modules():
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
        name, place, line = struct.Struct(self._elf.endian + "iii").unpack_from(node, 4)
        names = self._table.names_blob
        return bool(0 < name < len(names) and not names[name - 1] and names[name] and place >= 0 and line >= 0)

    def _modules(self) -> Iterator[int]:
        """Give the addresses of what looks like the runtime's moduledata: it begins with pointers to the table."""
        elf, header = self._elf, self._table.header
        address = elf.image.address_of(header.offset)
        if address is None:
            return
        names = address + header.names - header.offset
        width = elf.bits // 8
        for place in self._pointers(address):
            try:
                if pointer_at(elf, place) == address and pointer_at(elf, place + width) == names:
                    yield place
            except InvalidExecutable:
                continue

    def _pointers(self, value: int) -> Iterator[int]:
        pattern = self._elf.image.pack(value)
        for segment in self._elf.image.loaded:
            if segment.flags & PF_X:
                continue
            end = segment.offset + segment.file_size
            at = self._elf.data.find(pattern, segment.offset, end)
            for _ in range(_HIT_LIMIT):
                if at < 0:
                    break
                yield segment.address + at - segment.offset
                at = self._elf.data.find(pattern, at + 1, end)
        yield from places_of(self._elf, value)
