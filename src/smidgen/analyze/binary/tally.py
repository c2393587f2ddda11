"""Adds the ledger up: section by section, owner by owner, part by part."""

from collections.abc import Callable, Iterable

from smidgen.analyze.binary.frame import Stretch
from smidgen.analyze.binary.ledger import Ledger, Owner
from smidgen.analyze.explained import OwnerKind, PackageBytes, Part, PartKind, SectionBytes

_Sums = dict[Owner, list[int]]


def tallied(ledger: Ledger, stretches: Iterable[Stretch], stored_at: Callable[[int], int]) -> tuple[SectionBytes, ...]:
    """Add up a ledger of which every byte is claimed.

    Args:
        ledger: The claims.
        stretches: The whole file, in order.
        stored_at: What a prefix of the file takes as it is stored.
    """
    sections = []
    claims, count = ledger.claims, len(ledger.claims)
    at = 0
    stored = stored_at(0)
    for stretch in stretches:
        sums: _Sums = {}
        begin, last = stored, stretch.end
        start = stretch.start
        while at < count:
            first, end, owner, exact = claims[at]
            if first >= last:
                break
            until = min(last, end)
            before, stored = stored, stored_at(until)
            sum_ = sums.get(owner)
            if sum_ is None:
                sum_ = sums[owner] = [0, 0, 0]
            length = until - start
            start = until
            sum_[0] += length
            if exact:
                sum_[1] += length
            sum_[2] += stored - before
            if end > last:
                break
            at += 1
        sections.append(_section(stretch, sums, stored - begin))
    return tuple(sections)


def _section(stretch: Stretch, sums: _Sums, pull: int) -> SectionBytes:
    by_package: dict[tuple[str, OwnerKind], dict[tuple[str, PartKind], list[int]]] = {}
    for owner, (size, exact, stored) in sums.items():
        parts = by_package.setdefault((owner.package, owner.kind), {})
        numbers = parts.setdefault((owner.part, owner.part_kind), [0, 0, 0])
        numbers[0] += size
        numbers[1] += exact
        numbers[2] += stored
    packages = tuple(
        sorted(
            (_package(name, kind, parts) for (name, kind), parts in by_package.items()),
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


def _package(name: str, kind: OwnerKind, sums: dict[tuple[str, PartKind], list[int]]) -> PackageBytes:
    parts = [Part(part, what, size, exact, pull) for (part, what), (size, exact, pull) in sums.items()]
    parts.sort(key=lambda part: (-part.size, part.name))
    size, exact, pull = (sum(column) for column in zip(*sums.values(), strict=True))
    return PackageBytes(name, kind, size, exact, pull, tuple(parts))
