"""The places of data that code names.

The code is searched for all that can be an instruction which names a place, without being disassembled. By chance other
bytes look like one, and lead into large tables most of all: those can be examined.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator

from smidgen.analyze.binary.functions import Functions
from smidgen.analyze.binary.x86 import constant_behind, modrm_places

# The byte that says "relative to the next instruction", and the distance, of which the highest byte is left open.
_X86 = rb"[\x05\x0d\x15\x1d\x25\x2d\x35\x3d](?=(...%b))"
_ADRP = re.compile(rb"[\x90\xb0\xd0\xf0]")
_REFERENCE_LIMIT = 8_000_000
# The share of the code that is disassembled at the most.
_EXAMINED_SHARE = 8


class Naming:
    """Which packages' code names which places.

    Attributes:
        first: Each place that is named, with the package that does so first.
        alone: Each package, as a set that has nothing else.
        several: Votes by package, for places that several packages name.
    """

    def __init__(self, functions: Functions, code: bytes) -> None:
        self.first: dict[int, str] = {}
        self.several: dict[int, dict[str, int]] = {}
        self.alone = {package: frozenset((package,)) for package in functions.packages}
        self._sites: dict[tuple[int, str], int] = {}
        self._entries = functions.table.entries
        self._code = code
        self._is_x86 = functions.elf.architecture == "amd64"
        self._budget = len(code) // _EXAMINED_SHARE
        self._examined: dict[int, frozenset[int]] = {}

    def add(self, site: int, place: int, package: str) -> None:
        """Note that an instruction names a place; *site* is the byte that says so."""
        first = self.first.setdefault(place, package)
        if first != package:
            ballot = self.several.setdefault(place, {first: 1})
            ballot[package] = ballot.get(package, 0) + 1
        elif place in self.several:
            self.several[place][package] += 1
        self._sites[place, package] = site

    def packages(self, place: int) -> tuple[str, ...]:
        """Give the packages that name a place."""
        ballot = self.several.get(place)
        return (self.first[place],) if ballot is None else tuple(ballot)

    def votes(self, place: int) -> dict[str, int]:
        """Give how often each package names a place, as far as it matters."""
        return self.several.get(place) or {self.first[place]: 1}

    def is_real(self, place: int, package: str) -> bool:
        """Say whether what looks as if *package* named *place* is an instruction.

        True, too, on machines of which all instructions have one size, and when too much was examined.
        """
        if not self._is_x86:
            return True
        site, base = self._sites[place, package], self._entries[0]
        index = bisect_right(self._entries, site) - 1
        begin = self._entries[index]
        places = self._examined.get(begin)
        if places is None:
            end = self._entries[index + 1]
            if end - begin > self._budget:
                return True
            self._budget -= end - begin
            places = self._examined[begin] = modrm_places(self._code, begin - base, end - base)
        return site - base in places


def naming_of(functions: Functions, low: int, high: int) -> Naming:
    """Find the places from *low* to *high* that the code of a program for amd64 or arm64 names; none of another's.

    Raises:
        InvalidExecutable: The function table is damaged.
    """
    elf, entries, packages = functions.elf, functions.table.entries, functions.packages
    extent = elf.image.extent(entries[0])
    scan = {"amd64": _x86_references, "arm64": _arm_references}.get(elf.architecture or "")
    if extent is None or scan is None:
        return Naming(functions, b"")
    code = elf.data[extent[0] : min(extent[1], extent[0] + entries[-1] - entries[0])]
    naming = Naming(functions, code)
    begin = end = 0
    package = ""
    for count, (site, place) in enumerate(scan(code, entries[0], low, high)):
        if count > _REFERENCE_LIMIT:
            break
        if not begin <= site < end:
            index = min(bisect_right(entries, site) - 1, len(packages) - 1)
            begin, end, package = entries[index], entries[index + 1], packages[index]
        naming.add(site, place, package)
    return naming


def _x86_references(code: bytes, address: int, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Give where an instruction's ModR/M byte is, and what address it names."""
    highest = {distance >> 24 & 0xFF for distance in range(low - address - len(code) - 16, high - address, 1 << 24)}
    highest |= {high - address >> 24 & 0xFF}
    pattern = _X86 % b"[%b]" % b"".join(b"\\x%02x" % one for one in sorted(highest))
    for match in re.finditer(pattern, code, re.DOTALL):
        at = match.start()
        place = address + at + 5 + int.from_bytes(match[1], "little", signed=True)
        if low <= place < high:
            yield address + at, place + constant_behind(code, at)


def _arm_references(code: bytes, address: int, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Give where an ADRP is, and the address that it makes with one of the next instructions."""
    words = array("I")
    words.frombytes(code[: len(code) // 4 * 4])
    # Only the highest byte of an instruction is searched, so that every hit is one.
    for match in _ADRP.finditer(code[3::4]):
        index = match.start()
        word = words[index]
        pages = (word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3
        pages -= (pages & 1 << 20) << 1
        page = (address + 4 * index & ~0xFFF) + (pages << 12)
        if not low <= page + 0xFFF or page >= high:
            continue
        register = word & 31
        for following in words[index + 1 : index + 4]:
            if following >> 5 & 31 != register:
                continue
            if following & 0xFFC00000 == 0x91000000:
                yield address + 4 * index, page + (following >> 10 & 0xFFF)
                break
            if following & 0x3B000000 == 0x39000000:
                scale = following >> 30 if not following & 1 << 26 or not following & 1 << 23 else 4
                yield address + 4 * index, page + ((following >> 10 & 0xFFF) << scale)
                break
