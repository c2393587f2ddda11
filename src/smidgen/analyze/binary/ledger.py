"""The ledger: which stretch of a file is whose. What is claimed first stays; later claims fill the gaps."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from smidgen.analyze.explained import OwnerKind, PartKind


@dataclass(frozen=True, slots=True, eq=False)
class Owner:
    """Whose bytes they are, and what. Not compared, as that would cost more than all else: equal ones are added up.

    Attributes:
        package: Import path, or what the owner is in words.
        kind: Which sort of owner.
        part: The function, type or table.
        part_kind: What the bytes are.
    """

    package: str
    kind: OwnerKind
    part: str
    part_kind: PartKind


#: A stretch of the file: its first byte, the byte behind it, whose it is, and whether that is certain. A plain tuple,
#: as a program has hundreds of thousands.
Claim: TypeAlias = tuple[int, int, Owner, bool]


def _start(claim: Claim) -> int:
    return claim[0]


class Ledger:
    """Claims in the order of the file, without overlaps."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.claims: list[Claim] = []

    def add(self, claims: Iterable[Claim]) -> None:
        """Take in *claims*, as far as nobody has claimed the same bytes; of two new ones the first to start wins."""
        claims = sorted(claims, key=_start)
        if not claims:
            return
        old, merged = self.claims, list[Claim]()
        # Most of what is there is skipped at once, as claims come in groups.
        ends = [claim[1] for claim in old]
        at, count, reached, size = 0, len(self.claims), 0, self.size
        append = merged.append
        for claim in claims:
            start, end, owner, exact = claim
            start = max(start, reached)
            end = min(end, size)
            reached = max(reached, end)
            while start < end:
                if at < count and ends[at] <= start:
                    skipped, at = at, bisect_right(ends, start, at)
                    merged += old[skipped:at]
                if at == count or old[at][0] >= end:
                    append(claim if start == claim[0] and end == claim[1] else (start, end, owner, exact))
                    break
                if old[at][0] > start:
                    append((start, old[at][0], owner, exact))
                start = old[at][1]
        merged += old[at:]
        self.claims = merged

    def gaps(self) -> list[tuple[int, int]]:
        """Give the stretches that nobody has claimed."""
        found = []
        start = 0
        for first, end, _, _ in self.claims:
            if first > start:
                found.append((start, first))
            start = end
        if start < self.size:
            found.append((start, self.size))
        return found
