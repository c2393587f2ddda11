"""Where variables and strings begin and end, told from the order that Go's linker puts them in.

The linker sorts what it puts into a section of data by size, and strings likewise; what is of 32 bytes or more begins
at a multiple of 32, but strings begin anywhere. So the places that code and data name must be at distances that never
get smaller. A place that breaks this is within something, or none; a distance that is too long hides something that
nobody names.

Source: Go's ``cmd/link/internal/ld/data.go`` (``dodataSect``, ``symalign``, ``stringSymSort``).
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_ALIGNMENT: Final = 32
# How far ahead it is looked whether a distance is too short, or the one before too long.
_AHEAD: Final = 6
_MOST: Final = 4
# What a place that does not fit takes from a run of those that do, and the least that makes such a run.
_PENALTY: Final = 4
_PENALTY_OF_ALIGNED: Final = 2
_LEAST: Final = 12
_WORD: Final = 8


class Extent(NamedTuple):
    """One thing.

    Attributes:
        start: Address of its first byte.
        end: Address of the next thing, so that what aligns that is within.
        sure: It is where the order has it; else more than one thing may be in it.
    """

    start: int
    end: int
    sure: bool


def variables(places: Sequence[int], end: int) -> list[Extent]:
    """Divide variables at the places that are named.

    Args:
        places: Addresses, increasing.
        end: Where the data end.
    """
    return _in_order(_possible(places, end), end)


def constants(places: Sequence[int], end: int) -> list[Extent]:
    """Divide strings and other constants at the places that are named; as for ``variables``."""
    return _in_order(list(places), end)


def others(places: Sequence[int], end: int) -> list[Extent]:
    """Divide what is in an order that is not known: none is sure."""
    return [Extent(start, until, sure=False) for start, until in zip(places, [*places[1:], end], strict=False)]


def string_places(places: Sequence[int]) -> tuple[int, int]:
    """Give from which index to which the places are those of strings: of all constants they alone begin anywhere."""
    runs = _runs([bool(place % _WORD) for place in places], _PENALTY_OF_ALIGNED)
    return max(runs, key=lambda run: run[1] - run[0], default=(0, 0))


def _possible(places: Sequence[int], end: int) -> list[int]:
    """Leave out what cannot begin anything: places that are not aligned, where things are large."""
    is_small = [after - before < _ALIGNMENT for before, after in zip(places, [*places[1:], end], strict=False)]
    kept: list[int] = []
    reached = 0
    for first, last in _runs(is_small, _PENALTY):
        kept += (place for place in places[reached:first] if not place % _ALIGNMENT)
        kept += places[first:last]
        reached = last
    kept += (place for place in places[reached:] if not place % _ALIGNMENT)
    return kept


def _runs(fits: Sequence[bool], penalty: int) -> Iterator[tuple[int, int]]:
    """Give where things that fit follow one another, though a few may not: from which index to which."""
    at, count = 0, len(fits)
    while at < count:
        score = best = 0
        here = best_end = at
        for here in range(at, count):
            score += 1 if fits[here] else -penalty
            if score <= 0:
                break
            if score > best:
                best, best_end = score, here + 1
        if best >= _LEAST:
            yield at, best_end
            at = best_end
        else:
            at = here + 1


def _in_order(starts: list[int], end: int) -> list[Extent]:
    """Join what is too short for its place to the next; say of what is too long that it is not sure."""
    ends = [*starts[1:], end]
    found: list[Extent] = []
    least = 0
    at, count = 0, len(starts)
    while at < count:
        start, until = starts[at], ends[at]
        at += 1
        if until - start < least:
            ahead = range(at, min(at + _AHEAD - 1, count))
            shorter = 1 + sum(ends[one] - starts[one] < least for one in ahead)
            if shorter >= min(_MOST, 1 + len(ahead)):
                found[-1] = found[-1]._replace(sure=False)
            else:
                while until - start < least and at < count:
                    until = ends[at]
                    at += 1
        least = until - start
        found.append(Extent(start, until, sure=True))
    if found:
        # Nothing comes behind the last that could show it to be too long.
        found[-1] = found[-1]._replace(sure=False)
    return found
