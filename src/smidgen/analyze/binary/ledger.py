"""The ledger: which stretch of a file is whose. What is claimed first stays; later claims fill the gaps."""

from collections.abc import Iterable
from typing import NamedTuple

from smidgen.analyze.explained import OwnerKind, PartKind


class Owner(NamedTuple):
    """Whose bytes they are, and what.

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


class Claim(NamedTuple):
    """A stretch of the file, as offsets; a named tuple, as a program has hundreds of thousands.

    Attributes:
        start: Its first byte.
        end: The byte behind it.
        owner: Whose it is.
        exact: That is certain.
    """

    start: int
    end: int
    owner: Owner
    exact: bool


class Ledger:
    """Claims in the order of the file, without overlaps."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.claims: list[Claim] = []

    def add(self, claims: Iterable[Claim]) -> None:
        """Take in *claims*, as far as nobody has claimed the same bytes; of two new ones the first to start wins."""
        old, merged = self.claims, list[Claim]()
        at, count, reached = 0, len(self.claims), 0
        for claim in sorted(claims):
            start, end = max(claim.start, reached), min(claim.end, self.size)
            reached = max(reached, end)
            while start < end:
                while at < count and old[at].end <= start:
                    merged.append(old[at])
                    at += 1
                if at == count or old[at].start >= end:
                    merged.append(Claim(start, end, claim.owner, claim.exact))
                    break
                if old[at].start > start:
                    merged.append(Claim(start, old[at].start, claim.owner, claim.exact))
                start = old[at].end
        merged += old[at:]
        self.claims = merged

    def gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """Give the stretches between *start* and *end* that nobody has claimed."""
        found = []
        for claim in self.claims:
            if claim.start >= end:
                break
            if claim.end > start:
                if claim.start > start:
                    found.append((start, claim.start))
                start = claim.end
        if start < end:
            found.append((start, end))
        return found
