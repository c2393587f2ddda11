"""Adds the ledger up: section by section, owner by owner, part by part."""

from collections.abc import Callable, Iterable

from smidgen.analyze.binary.frame import Stretch
from smidgen.analyze.binary.ledger import Ledger, Owner
from smidgen.analyze.explained import OwnerKind, PackageBytes, Part, SectionBytes

_Sums = dict[Owner, list[int]]


def tallied(ledger: Ledger, stretches: Iterable[Stretch], stored_at: Callable[[int], int]) -> tuple[SectionBytes, ...]:
    """Add up a ledger of which every byte is claimed.

    Args:
        ledger: The claims.
        stretches: The whole file, in order.
        stored_at: What a prefix of the file takes as it is stored.
    """
    sections = []
    claims = ledger.claims
    at = 0
    stored = stored_at(0)
    for stretch in stretches:
        sums: _Sums = {}
        begin = stored
        while at < len(claims) and claims[at].start < stretch.end:
            claim = claims[at]
            end = min(claim.end, stretch.end)
            start = max(claim.start, stretch.start)
            before, stored = stored, stored_at(end)
            sum_ = sums.setdefault(claim.owner, [0, 0, 0])
            sum_[0] += end - start
            sum_[1] += end - start if claim.exact else 0
            sum_[2] += stored - before
            if claim.end > stretch.end:
                break
            at += 1
        sections.append(_section(stretch, sums, stored - begin))
    return tuple(sections)


def _section(stretch: Stretch, sums: _Sums, pull: int) -> SectionBytes:
    by_package: dict[tuple[str, OwnerKind], list[tuple[Owner, list[int]]]] = {}
    for owner, numbers in sums.items():
        by_package.setdefault((owner.package, owner.kind), []).append((owner, numbers))
    packages = tuple(
        sorted(
            (_package(name, kind, items) for (name, kind), items in by_package.items()),
            key=lambda package: (-package.size, package.name),
        )
    )
    return SectionBytes(
        name=stretch.name,
        offset=stretch.start,
        size=stretch.end - stretch.start,
        memory=stretch.memory,
        exact=sum(package.exact for package in packages),
        attributed=sum(package.size for package in packages if package.kind is not OwnerKind.UNKNOWN),
        pull=pull,
        packages=packages,
    )


def _package(name: str, kind: OwnerKind, items: list[tuple[Owner, list[int]]]) -> PackageBytes:
    parts = [Part(owner.part, owner.part_kind, size, exact, pull) for owner, (size, exact, pull) in items]
    parts.sort(key=lambda part: (-part.size, part.name))
    size, exact, pull = (sum(column) for column in zip(*(numbers for _, numbers in items), strict=True))
    return PackageBytes(name, kind, size, exact, pull, tuple(parts))
