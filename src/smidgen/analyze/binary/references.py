"""References: whose data it is, told from who uses it. An estimate, as the boundaries are only where uses begin.

The code is searched for instructions that name a place in the data, without being disassembled: a distance that
happens to lead there is rare, as the data are a small part of all places. Data that only other data point at are
their owner's.

Source: Intel SDM, volume 2, "ModR/M" (RIP-relative addressing); Arm ARM, ADRP, ADD (immediate), LDR and STR
(immediate, unsigned offset).
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from smidgen.analyze.binary.frame import Stretch
from smidgen.analyze.binary.functions import Functions
from smidgen.analyze.binary.ledger import Claim, Owner
from smidgen.analyze.binary.owners import of_package
from smidgen.analyze.binary.words import relocated_words, relocations
from smidgen.analyze.explained import PartKind
from smidgen.elf.header import ElfFile

# Opcodes that take an address and a register, and the byte that says "relative to the next instruction"; distances
# of more than 48 MiB are not looked at.
_X86 = re.compile(
    rb"(?<=[\x01\x03\x09\x0b\x10\x11\x21\x23\x28\x29\x2b\x2e\x2f\x31\x33\x38\x39\x3a\x3b\x58\x59\x5c\x5e\x63\x6e\x6f"
    rb"\x7e\x7f\x80\x81\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8d\xb0\xb1\xb6\xb7\xbe\xbf\xc0\xc1\xc6\xc7\xd6\xe7\xff])"
    rb"[\x05\x0d\x15\x1d\x25\x2d\x35\x3d](?=(...[\x00-\x02\xfd-\xff]))",
    re.DOTALL,
)
# Bytes of a constant behind the distance, by opcode.
_X86_CONSTANT = {0x80: 1, 0x83: 1, 0xC6: 1, 0xC0: 1, 0xC1: 1, 0xC7: 4, 0x81: 4}
_ADRP = re.compile(rb"[\x90\xb0\xd0\xf0]")
_REFERENCE_LIMIT = 8_000_000
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class _Area:
    """Data that may be somebody's: where it is in the file and in memory."""

    name: str
    start: int
    end: int
    address: int


def reference_claims(elf: ElfFile, functions: Functions, parts: Iterable[Stretch]) -> Iterator[Claim]:
    """Claim data for the packages whose code uses it.

    Raises:
        InvalidExecutable: The function table is damaged.
    """
    areas = [
        _Area(part.name, part.start, part.end, part.address)
        for part in parts
        if part.memory and part.end > part.start and not part.is_code
    ]
    areas = [area for area in areas if area.name not in {".gopclntab", ".go.buildinfo", ".go.module"}]
    if not areas or elf.bits != 64 or elf.endian != "<":
        return
    owners = _from_code(elf, functions, areas)
    _from_data(elf, owners, areas)
    for area in areas:
        yield from _area_claims(area, owners)


def _area_claims(area: _Area, owners: dict[int, str]) -> Iterator[Claim]:
    last = area.address + area.end - area.start
    places = sorted(place for place in owners if area.address <= place < last)
    if places:
        # What is before the first reference is most likely of the same sort.
        places[0:0] = [area.address] if places[0] > area.address else []
        owners.setdefault(area.address, owners[places[-1] if len(places) == 1 else places[1]])
    shift = area.start - area.address
    what = "constants and strings" if "rodata" in area.name or "read-only" in area.name else "variables"
    made: dict[str, Owner] = {}
    for start, end in zip(places, [*places[1:], last], strict=False):
        package = owners[start]
        owner = made.setdefault(package, made.get(package) or of_package(package, what, PartKind.DATA))
        yield (start + shift, end + shift, owner, False)


def _from_code(elf: ElfFile, functions: Functions, areas: list[_Area]) -> dict[int, str]:
    """Give the places that code names, each with the package that does so most often."""
    low = min(area.address for area in areas)
    high = max(area.address + area.end - area.start for area in areas)
    entries, packages = functions.table.entries, functions.packages
    extent = elf.image.extent(entries[0])
    if extent is None:
        return {}
    code = elf.data[extent[0] : min(extent[1], extent[0] + entries[-1] - entries[0])]
    scan = {"amd64": _x86_references, "arm64": _arm_references}.get(elf.architecture or "")
    found: dict[int, str] = {}
    votes: dict[int, dict[str, int]] = {}
    for count, (site, target) in enumerate(scan(code, entries[0], low, high) if scan else ()):
        if count > _REFERENCE_LIMIT:
            break
        package = packages[min(bisect_right(entries, site) - 1, len(packages) - 1)]
        first = found.setdefault(target, package)
        if first != package or target in votes:
            ballot = votes.setdefault(target, {first: 1})
            ballot[package] = ballot.get(package, 0) + 1
    for target, ballot in votes.items():
        found[target] = max((count, package) for package, count in ballot.items())[1]
    return found


def _x86_references(code: bytes, address: int, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Give where an instruction is, and what address it names."""
    for match in _X86.finditer(code):
        at = match.start()
        target = address + at + 5 + int.from_bytes(match[1], "little", signed=True)
        if low <= target < high:
            yield address + at, target + _X86_CONSTANT.get(code[at - 1], 0)


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


def _from_data(elf: ElfFile, owners: dict[int, str], areas: list[_Area]) -> None:
    """Add to *owners* what only data point at, as their owners'."""
    low = min(area.address for area in areas)
    high = max(area.address + area.end - area.start for area in areas)
    pointers: list[tuple[int, int]] = []
    loaded = relocations(elf)
    for area in areas:
        skip = -area.start % 8
        first = area.address + skip
        at = area.start + skip
        words = relocated_words(elf, first, at, area.end, loaded)
        pointers += [(first + 8 * index, word) for index, word in enumerate(words) if low <= word < high]
    starts = sorted(owners)
    for _ in range(_ROUNDS):
        added = False
        rest: list[tuple[int, int]] = []
        for place, target in pointers:
            if target in owners:
                continue
            index = bisect_right(starts, place) - 1
            if index >= 0 and place - starts[index] < 1 << 20:
                owners[target] = owners[starts[index]]
                added = True
            else:
                rest.append((place, target))
        if not added or not rest:
            return
        pointers, starts = rest, sorted(owners)
