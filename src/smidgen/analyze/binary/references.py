"""References: whose data it is, told from who names it.

The code is searched for whatever can be an instruction that names a place in the data, and the data for pointers. The
order of the data says where each thing begins and ends. What one package alone names, by its code or by its own data,
would go with that package: it is certain. What several packages name is shared by them if it is a string, which the
linker stores once; a variable has one owner, which is estimated to be the one that names it most often.

Source: Intel SDM, volume 2, "ModR/M" (RIP-relative addressing); Arm ARM, ADRP, ADD (immediate), LDR and STR
(immediate, unsigned offset).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from smidgen.analyze.binary.frame import Stretch
from smidgen.analyze.binary.functions import Functions
from smidgen.analyze.binary.ledger import Claim, Owner
from smidgen.analyze.binary.named import Naming, naming_of
from smidgen.analyze.binary.order import Extent, constants, others, string_places, variables
from smidgen.analyze.binary.owners import of_package, shared
from smidgen.analyze.binary.words import relocated_words, relocations
from smidgen.analyze.explained import PartKind
from smidgen.elf.header import ElfFile

_ROUNDS = 8
# Bytes of a thing that is so large that chance leads into it.
_LARGE = 512
_NOT_DATA = frozenset({".gopclntab", ".go.buildinfo", ".go.module"})


@dataclass(frozen=True, slots=True)
class Area:
    """Data that may be somebody's: where it is in the file and in memory."""

    name: str
    start: int
    end: int
    address: int
    memory: int

    @property
    def last(self) -> int:
        """Address behind it."""
        return self.address + self.memory

    @property
    def is_constant(self) -> bool:
        """It is read-only, and has strings."""
        return "rodata" in self.name or "read-only" in self.name or self.name == ".go.type"


def reference_claims(elf: ElfFile, functions: Functions, parts: Iterable[Stretch]) -> Iterator[Claim]:
    """Claim data for the packages that name it.

    Raises:
        InvalidExecutable: The function table is damaged.
    """
    areas = [
        Area(part.name, part.start, part.end, part.address, part.memory)
        for part in parts
        if part.memory and not part.is_code and part.name not in _NOT_DATA
    ]
    if not areas or elf.bits != 64 or elf.endian != "<":
        return
    low = min(area.address for area in areas)
    high = max(area.last for area in areas)
    # With cgo the system's linker may have put C's data among Go's, in an order of its own.
    is_sorted = not functions.table.uses_cgo
    data = _Data(areas, naming_of(functions, low, high), _pointers(elf, areas, low, high), is_sorted=is_sorted)
    for area in areas:
        if area.end > area.start:
            yield from data.claims(area)


def _pointers(elf: ElfFile, areas: list[Area], low: int, high: int) -> list[tuple[int, int]]:
    """Give the places of data that hold the address of data, and what that is."""
    found: list[tuple[int, int]] = []
    loaded = relocations(elf)
    for area in areas:
        skip = -area.start % 8
        first = area.address + skip
        words = relocated_words(elf, first, area.start + skip, area.end, loaded)
        found += [(first + 8 * index, word) for index, word in enumerate(words) if low <= word < high]
    return found


class _Data:
    """All data of a program, divided into things; each has an owner, or several."""

    def __init__(self, areas: list[Area], naming: Naming, pointers: list[tuple[int, int]], *, is_sorted: bool) -> None:
        self._naming = naming
        self._is_sorted = is_sorted
        self._things: list[Extent] = []
        self._is_string: list[bool] = []
        self._places: list[list[int]] = []
        by_code = sorted(naming.first)
        by_data = sorted({target for _, target in pointers})
        for area in areas:
            self._divide(area, by_code, by_data)
        self._starts = [thing.start for thing in self._things]
        self._sources = self._sources_of(pointers)
        self._owners: list[str | None] = [None] * len(self._things)
        self._shared = [False] * len(self._things)
        self._settle()
        self._guess()

    def _divide(self, area: Area, by_code: list[int], by_data: list[int]) -> None:
        code = by_code[bisect_left(by_code, area.address) : bisect_left(by_code, area.last)]
        data = by_data[bisect_left(by_data, area.address) : bisect_left(by_data, area.last)]
        places = sorted({*code, *data})
        if not area.is_constant and self._is_sorted:
            self._add(variables(places, area.last), code, is_string=False)
            return
        first, end = string_places(places) if self._is_sorted else (0, 0)
        if first == end:
            self._add(others(places, area.last), code, is_string=False)
            return
        # What is before the strings, such as types, is not sorted. Behind them are embedded files and other constants.
        self._add(others(places[:first], places[first]), code, is_string=False)
        sorted_ = constants(places[first:], area.last)
        behind = places[end] if end < len(places) else area.last
        count = bisect_left(sorted_, behind, key=lambda thing: thing.start)
        self._add(sorted_[:count], code, is_string=True)
        self._add(sorted_[count:], code, is_string=False)

    def _add(self, things: list[Extent], code: list[int], *, is_string: bool) -> None:
        """Add what is in an area, with the places in it that its code names."""
        at = 0
        for thing in things:
            at = bisect_left(code, thing.start, at)
            end = bisect_left(code, thing.end, at)
            self._places.append(code[at:end])
            at = end
        self._things += things
        self._is_string += [is_string] * len(things)

    def _sources_of(self, pointers: list[tuple[int, int]]) -> dict[int, set[int]]:
        """Give which things point at each; -1 stands for what is no thing for sure."""
        things, starts = self._things, self._starts
        index_of = {start: index for index, start in enumerate(starts)}
        found: dict[int, set[int]] = {}
        last = begin = -1
        until = 0
        for place, target in pointers:
            to = index_of.get(target)
            if to is None:
                to = bisect_right(starts, target) - 1
                if to < 0 or target >= things[to].end:
                    continue
            if not begin <= place < until:
                last = bisect_right(starts, place) - 1
                begin, until, sure = things[last] if last >= 0 else (0, 0, False)
                if not sure:
                    last = -1
            if last != to:
                found.setdefault(to, set()).add(last)
        return found

    def _settle(self) -> None:
        """Find what has one owner, or several, for certain: first by the code, then by data that are settled."""
        known = [self._code_of(index) for index in range(len(self._things))]
        large = [index for index, thing in enumerate(self._things) if thing.end - thing.start >= _LARGE and thing.sure]
        # There is a limit to what is examined, so that those are first that have most in them.
        for index in sorted(large, key=lambda one: self._things[one].start - self._things[one].end):
            if known[index]:
                known[index] = self._examined(index, known[index])
        open_ = list(range(len(self._things)))
        for _ in range(_ROUNDS):
            left = [index for index in open_ if not self._settled(index, known[index])]
            if len(left) == len(open_):
                return
            open_ = left

    def _settled(self, index: int, packages: frozenset[str]) -> bool:
        pending = False
        for source in self._sources.get(index, ()):
            owner = self._owners[source] if source >= 0 else None
            if owner is None:
                pending = True
            elif owner not in packages:
                packages |= {owner}
        if len(packages) > 1:
            self._shared[index] = True
            return True
        if pending or not packages:
            return False
        (self._owners[index],) = packages
        return True

    def _code_of(self, index: int) -> frozenset[str]:
        """Give the packages whose code names a thing."""
        naming, places = self._naming, self._places[index]
        if self._is_string[index]:
            # Within a string there is nothing to be named.
            places = places[:1] if places and places[0] == self._things[index].start else []
        if len(places) == 1 and places[0] not in naming.several:
            return naming.alone[naming.first[places[0]]]
        return frozenset(package for place in places for package in naming.packages(place))

    def _examined(self, index: int, packages: frozenset[str]) -> frozenset[str]:
        """Leave out packages that only by chance seem to name a large thing."""
        naming, places = self._naming, self._places[index]
        if self._is_string[index] or (len(packages) == 1 and places[0] == self._things[index].start):
            return packages
        return frozenset(
            package for place in places for package in naming.packages(place) if naming.is_real(place, package)
        )

    def _guess(self) -> None:
        """Estimate an owner for what has none for certain: who names it most often, else whose data points at it."""
        self._guesses = guesses = list(self._owners)
        rest = [index for index, owner in enumerate(guesses) if owner is None]
        for index in rest:
            places = self._places[index]
            start, end, _ = self._things[index]
            # Chance leads into what is large: only its beginning counts, unless nothing else is known.
            if places and (places[0] == start or end - start < _LARGE):
                guesses[index] = self._elected(places[:1] if end - start >= _LARGE else places)
        for _ in range(_ROUNDS):
            left = []
            for index in rest:
                if guesses[index] is None:
                    found = (guesses[one] for one in self._sources.get(index, ()) if one >= 0)
                    guesses[index] = next((one for one in found if one is not None), None)
                    if guesses[index] is None:
                        left.append(index)
            if len(left) == len(rest):
                break
            rest = left
        for index in rest:
            if guesses[index] is None and self._places[index]:
                guesses[index] = self._elected(self._places[index])

    def _elected(self, places: list[int]) -> str:
        """Give the package that names places most often."""
        votes: dict[str, int] = {}
        for place in places:
            for package, count in self._naming.votes(place).items():
                votes[package] = votes.get(package, 0) + count
        return max((count, package) for package, count in votes.items())[1]

    def claims(self, area: Area) -> Iterator[Claim]:
        """Claim the things of an area; neighbours of one owner at once."""
        shift = area.start - area.address
        start = end = area.address
        owner, exact = None, False
        for until, following, is_exact in self._owned(area):
            if owner is not None and (following is not owner or is_exact != exact):
                yield (start + shift, end + shift, owner, exact)
                start = end
            owner, exact, end = following, is_exact, until
        if owner is not None:
            yield (start + shift, area.last + shift, owner, exact)

    def _owned(self, area: Area) -> Iterator[tuple[int, Owner, bool]]:
        """Give where the stretches of an area end, whose each is, and whether that is certain."""
        first, end = bisect_left(self._starts, area.address), bisect_left(self._starts, area.last)
        what = "constants and strings" if area.is_constant else "variables"
        several = shared("strings", PartKind.DATA)
        package = next((one for one in self._guesses[first:end] if one is not None), None)
        if package is None:
            return
        made = {package: of_package(package, what, PartKind.DATA)}
        # What is before the first thing is most likely of the same sort.
        yield self._starts[first], made[package], False
        for index in range(first, end):
            package = self._guesses[index] or package
            until, sure = self._things[index].end, self._things[index].sure
            if sure and self._shared[index] and self._is_string[index]:
                yield until, several, True
            else:
                if package not in made:
                    made[package] = of_package(package, what, PartKind.DATA)
                yield until, made[package], sure and self._owners[index] is not None
