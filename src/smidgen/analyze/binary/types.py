"""Types: what the Go program knows at run time about its types, found by what they look like.

A description of a type has so many fields that depend on each other that data which happens to look like one is
not to be expected: its alignment, its kind, a name that starts where a name does, pointers to other types.

Source: Go's ``internal/abi/type.go`` and ``map.go`` (layout, ``DescriptorSize``), ``internal/abi/iface.go`` (ITab).
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Final, NamedTuple

from smidgen.analyze.binary.ledger import Claim
from smidgen.analyze.binary.owners import of_package, package_of, shared
from smidgen.analyze.binary.words import relocated_words, relocations
from smidgen.analyze.explained import PartKind
from smidgen.elf.header import ElfFile
from smidgen.elf.moduledata import ModuleData
from smidgen.errors import InvalidExecutable

_ARRAY, _CHAN, _FUNC, _INTERFACE, _MAP, _POINTER, _SLICE, _STRUCT, _LAST = 17, 18, 19, 20, 21, 22, 23, 25, 26
_BASE: Final = 48
#: Sizes of the part that all types of a kind have; a map's depends on the release.
_SIZES: Final = {_ARRAY: 72, _CHAN: 64, _FUNC: 56, _INTERFACE: 80, _POINTER: 56, _SLICE: 56, _STRUCT: 80}
_UNCOMMON, _EXTRA_STAR, _NAMED = 1, 2, 4
_ON_DEMAND = 16
_GC_PROGRAM = 1 << 6
_KIND_MASK = 31
# Size of a map's description, by the first release that has it.
_MAP_SIZES: Final = (88, 112, 136)
_MAX_DEPTH = 32
_MAX_MEMBERS = 1 << 16
_MAX_NAME = 1 << 16

_ALIGNMENTS: Final = {(1 << n) | (1 << n) << 8 for n in range(5)}


class _Type(NamedTuple):
    """A description of a type; *word* is its place, in words from the start of the types."""

    word: int
    kind: int
    flags: int
    size: int
    name: str


class Types:
    """The types of one program of 64 bits.

    Attributes:
        start: Offset in the file of what places of types and names are relative to.
    """

    def __init__(self, elf: ElfFile, module: ModuleData, *, release: tuple[int, int] | None) -> None:
        self._elf = elf
        self._module = module
        address = module.types[0]
        extent = elf.image.extent(address)
        self.start, end = extent if extent is not None else (0, 0)
        self._end = max(self.start, min(end, self.start + module.types[1] - address))
        self._address = address
        self._data = elf.data[self.start : self._end]
        self._pointers = relocations(elf)
        self._words = relocated_words(elf, address, self.start, self._end, self._pointers)
        # Names of all types together: of a hostile program each could have the same long one.
        self._budget = 4 * len(elf.data)
        self._map_size = _map_size(release)
        self._owners: dict[int, str] = {}

    def claims(self) -> Iterator[Claim]:
        """Claim descriptions of types, their names, and the interface tables."""
        names: dict[int, str] = {}
        masks: dict[int, tuple[int, str]] = {}
        for one in self._types.values():
            package = self._owner(one.word)
            at = self.start + 8 * one.word
            yield (at, at + one.size, of_package(package, one.name, PartKind.TYPE), True)
            for offset in self._names_of(one):
                known = names.setdefault(offset, package)
                if known != package:
                    names[offset] = ""
            self._mask(one, package, masks)
        for offset, package in names.items():
            size = self._name_size(offset)
            if size:
                what = "names of types, fields and methods"
                owner = of_package(package, what, PartKind.TYPE) if package else shared(what, PartKind.TYPE)
                yield (self.start + offset, self.start + offset + size, owner, True)
        for address, (size, package) in masks.items():
            extent = self._elf.image.extent(address)
            if extent is not None and extent[1] - extent[0] >= size:
                what = "pointer masks"
                owner = of_package(package, what, PartKind.TYPE) if package else shared(what, PartKind.TYPE)
                yield (extent[0], extent[0] + size, owner, True)
        yield from self._links()
        yield from self._tables()

    @cached_property
    def _types(self) -> dict[int, _Type]:
        """All descriptions by their place in words."""
        valid = {
            (kind | extra) << 16 | alignment
            for kind in range(1, _LAST + 1)
            for extra in (0, 32, 64, 96, 128)
            for alignment in _ALIGNMENTS
        }
        words = self._words
        found: dict[int, _Type] = {}
        reached = 0
        for index in [index - 2 for index, word in enumerate(words) if word >> 40 in valid]:
            if index >= reached and (one := self._read(index)) is not None:
                found[index] = one
                reached = index + one.size // 8
        return found

    def _read(self, word: int) -> _Type | None:
        """Read the description at *word*, or give None where there is none."""
        words = self._words
        if word < 0 or word + 6 > len(words):
            return None
        size, pointers, head, _equal, mask, rest = words[word : word + 6]
        if pointers > size or size >= 1 << 40 or pointers & 7 or (pointers and not mask):
            return None
        flags, kind = head >> 32 & 0xFF, head >> 56 & _KIND_MASK
        text = self._name(rest & 0xFFFFFFFF)
        if not text or (flags & _EXTRA_STAR and not text.startswith("*")):
            return None
        base = self._map_size if kind == _MAP else _SIZES.get(kind, _BASE)
        added = self._added(word, kind)
        if added is None or not self._leads_on(word, kind):
            return None
        methods = 0
        if flags & _UNCOMMON:
            at = word + base // 8
            if at + 2 > len(words):
                return None
            methods = words[at] >> 32 & 0xFFFF
            base += 16
        return _Type(word, kind, flags, base + added + 16 * methods, text[1:] if flags & _EXTRA_STAR else text)

    def _added(self, word: int, kind: int) -> int | None:
        """Give the size of what a description's kind adds behind it: parameters, methods, fields; None if absurd."""
        words = self._words
        if kind == _FUNC:
            if word + 7 > len(words):
                return None
            counts = words[word + 6]
            return 8 * ((counts & 0xFFFF) + (counts >> 16 & 0x7FFF))
        if kind in {_INTERFACE, _STRUCT}:
            if word + 10 > len(words):
                return None
            count, room = words[word + 8], words[word + 9]
            if count != room or count > _MAX_MEMBERS:
                return None
            return int(count * (8 if kind == _INTERFACE else 24))
        return 0

    def _leads_on(self, word: int, kind: int) -> bool:
        """Say whether what must be a pointer to another type is one into the types."""
        if kind in {_ARRAY, _CHAN, _MAP, _POINTER, _SLICE}:
            return word + 6 < len(self._words) and self._place(self._words[word + 6]) is not None
        return True

    def _place(self, address: int) -> int | None:
        """Give the place in words of an address within the types, or None."""
        distance = address - self._address
        return distance >> 3 if 0 <= distance < len(self._data) and not distance & 7 else None

    def _name(self, offset: int) -> str:
        """Read a name; "" where there is none."""
        size = self._text_size(offset)
        if size is None:
            return ""
        start, length = size
        self._budget -= length
        if self._budget < 0:
            raise InvalidExecutable("the types have more names than the program has bytes", offset=self.start)
        return self._data[start : start + length].decode("utf-8", "backslashreplace")

    def _text_size(self, offset: int) -> tuple[int, int] | None:
        """Give where the text of a name begins, and its length in bytes."""
        data = self._data
        if not 0 < offset < len(data) - 2 or data[offset] > 0x1F:
            return None
        length, start = data[offset + 1], offset + 2
        if length >= 0x80:
            length, start = length & 0x7F | data[start] << 7, start + 1
        if not 0 < length <= _MAX_NAME or start + length > len(data):
            return None
        return start, length

    def _name_size(self, offset: int) -> int:
        """Give what a name takes: flags, length, text, tag, package."""
        text = self._text_size(offset)
        if text is None:
            return 0
        end = sum(text)
        data = self._data
        if data[offset] & 2 and end + 2 < len(data):
            length = data[end]
            end += 1
            if length >= 0x80:
                length, end = length & 0x7F | data[end] << 7, end + 1
            end += length
        return min(end + (4 if data[offset] & 4 else 0), len(data)) - offset

    def _uncommon(self, one: _Type) -> int | None:
        """Give the place in words of what only types with methods or a name have, or None."""
        if not one.flags & _UNCOMMON:
            return None
        return one.word + (self._map_size if one.kind == _MAP else _SIZES.get(one.kind, _BASE)) // 8

    def _owner(self, word: int, depth: int = 0) -> str:
        """Give the package of a type: its own, else that of the type that it is made of."""
        known = self._owners.get(word)
        if known is not None:
            return known
        one = self._types.get(word)
        owner = "" if one is None or depth > _MAX_DEPTH else self._own_package(one) or self._inner(one, depth)
        self._owners[word] = owner = owner or "runtime"
        return owner

    def _own_package(self, one: _Type) -> str:
        at = self._uncommon(one)
        path = self._name(self._words[at] & 0xFFFFFFFF) if at is not None else ""
        if not path and one.kind in {_STRUCT, _INTERFACE}:
            # A struct of no name says whose its fields are.
            place = self._words[one.word + 6] - self._address
            path = self._name(place) if 0 < place < len(self._data) else ""
        if not path and one.flags & _NAMED:
            return package_of(one.name)
        return path

    def _inner(self, one: _Type, depth: int) -> str:
        for word in self._parts(one):
            place = self._place(word)
            if place is not None and place in self._types:
                found = self._owner(place, depth + 1)
                if found != "runtime":
                    return found
        return ""

    def _parts(self, one: _Type) -> Iterator[int]:
        """Give the addresses of the types that a type is made of."""
        words, end = self._words, one.word + one.size // 8
        if one.kind in {_ARRAY, _CHAN, _POINTER, _SLICE}:
            yield words[one.word + 6]
        elif one.kind == _MAP:
            yield words[one.word + 7]
            yield words[one.word + 6]
        elif one.kind == _FUNC:
            start = one.word + 7 + (2 if one.flags & _UNCOMMON else 0)
            yield from words[start:end]
        elif one.kind == _STRUCT:
            first = one.word + 10 + (2 if one.flags & _UNCOMMON else 0)
            yield from words[first + 1 : end : 3]

    def _names_of(self, one: _Type) -> Iterator[int]:
        """Give the offsets of the names that a type uses."""
        words = self._words
        yield words[one.word + 5] & 0xFFFFFFFF
        at = self._uncommon(one)
        behind = 0
        if at is not None:
            if package := words[at] & 0xFFFFFFFF:
                yield package
            behind = 2
            count = words[at] >> 32 & 0xFFFF
            first = one.word + one.size // 8 - 2 * count
            for word in words[first : first + 2 * count : 2]:
                yield word & 0xFFFFFFFF
        if one.kind in {_INTERFACE, _STRUCT}:
            first, count = one.word + 10 + behind, words[one.word + 8]
            if own := words[one.word + 6]:
                yield own - self._address
            if one.kind == _INTERFACE:
                for word in words[first : first + count]:
                    yield word & 0xFFFFFFFF
            else:
                for word in words[first : first + 3 * count : 3]:
                    yield word - self._address

    def _mask(self, one: _Type, package: str, masks: dict[int, tuple[int, str]]) -> None:
        """Note the mask that tells the garbage collector where pointers are in a value of a type."""
        pointers, head, address = self._words[one.word + 1], self._words[one.word + 2], self._words[one.word + 4]
        if not pointers or one.flags & _ON_DEMAND or head >> 56 & _GC_PROGRAM:
            return
        size = -(-pointers // 64)
        known = masks.setdefault(address, (size, package))
        masks[address] = (max(size, known[0]), package if known[1] == package else "")

    def _links(self) -> Iterator[Claim]:
        """Claim the list of types that the runtime looks for types in (until Go 1.26)."""
        address, count = self._module.type_links
        extent = self._elf.image.extent(address) if count else None
        if extent is None:
            return
        data = self._elf.data[extent[0] : min(extent[1], extent[0] + 4 * count)]
        for index in range(len(data) // 4):
            place = int.from_bytes(data[4 * index : 4 * index + 4], "little")
            at = extent[0] + 4 * index
            yield (at, at + 4, of_package(self._owner(place >> 3), "list of types", PartKind.TYPE), True)

    def _tables(self) -> Iterator[Claim]:
        """Claim the interface tables: which methods a type has for an interface."""
        start, end = self._module.tables
        if start < end:
            extent = self._elf.image.extent(start)
            last = extent[0] + min(end - start, extent[1] - extent[0]) if extent is not None else 0
            at = extent[0] if extent is not None else 0
            while at < last:
                size = 0
                for claim in self._table(start + at - (extent[0] if extent is not None else 0)):
                    size = claim[1] - claim[0]
                    yield claim
                at += size or 8
            return
        address, count = self._module.table_links
        extent = self._elf.image.extent(address) if count else None
        if extent is None:
            return
        links = relocated_words(self._elf, address, extent[0], min(extent[1], extent[0] + 8 * count), self._pointers)
        for index, place in enumerate(links):
            for claim in self._table(place):
                yield claim
                yield (extent[0] + 8 * index, extent[0] + 8 * index + 8, claim[2], True)

    def _table(self, address: int) -> Iterator[Claim]:
        extent = self._elf.image.extent(address)
        if extent is None or extent[1] - extent[0] < 24:
            return
        interface, of = (
            self._place(self._pointers.get(at) or self._elf.image.word(at)) for at in (address, address + 8)
        )
        if interface is None or of is None or of not in self._types:
            return
        one = self._types.get(interface)
        if one is None or one.kind != _INTERFACE:
            return
        size = 24 + 8 * max(self._words[interface + 8], 1)
        name = f"{self._types[of].name} as {one.name}"
        yield (extent[0], extent[0] + size, of_package(self._owner(of), name, PartKind.TYPE), True)


def _map_size(release: tuple[int, int] | None) -> int:
    if release is not None and release < (1, 24):
        return _MAP_SIZES[0]
    return _MAP_SIZES[1] if release is not None and release < (1, 27) else _MAP_SIZES[2]
