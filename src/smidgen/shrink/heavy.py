"""Which packages bring most, and by which chain: bytes from the program, imports from Go."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from smidgen.analyze.explained import ExplainedBinary, OwnerKind
from smidgen.errors import NotFound
from smidgen.shrink.advice import Heavy
from smidgen.shrink.imports import Package
from smidgen.shrink.subject import Subject

_MOST: Final = 5
# What brings less than a thirtieth of the program is not worth a line.
_SHARE: Final = 30
# Candidates whose weight is worked out: those that come first by themselves.
_CANDIDATES: Final = 400


@dataclass(frozen=True, slots=True)
class _Bytes:
    size: int = 0
    pull: int = 0

    def __add__(self, other: "_Bytes") -> "_Bytes":
        return _Bytes(self.size + other.size, self.pull + other.pull)


def heavy_packages(subject: Subject, imports: Mapping[str, Package], program: str) -> tuple[Heavy, ...]:
    """Name the packages that bring most, of those that the program could do without.

    Args:
        subject: The program.
        imports: What imports what; empty where that is not known: then packages count alone.
        program: Import path of its main package.
    """
    owned = _owned(subject.explained)
    weights = _weights(owned, imports, program)
    least = subject.explained.size // _SHARE
    found: list[Heavy] = []
    taken: set[str] = set()
    for name in sorted(weights, key=lambda one: (-weights[one][0].size, one)):
        total, behind = weights[name]
        if total.size < least or len(found) == _MOST:
            break
        if name in taken or (chain := _chain(subject, name)) is None:
            continue
        own = owned[name]
        found.append(
            Heavy(
                package=name,
                size=own.size,
                pull=own.pull,
                brings=total.size if imports else None,
                brings_pull=total.pull if imports else None,
                packages=len(behind),
                chain=chain,
            )
        )
        taken |= behind
    return tuple(found)


def _owned(explained: ExplainedBinary) -> Mapping[str, _Bytes]:
    owned: dict[str, _Bytes] = defaultdict(_Bytes)
    for section in explained.sections:
        for package in section.packages:
            if package.kind is OwnerKind.PACKAGE:
                owned[package.name] += _Bytes(package.size, package.pull)
    return owned


def _weights(
    owned: Mapping[str, _Bytes], imports: Mapping[str, Package], program: str
) -> dict[str, tuple[_Bytes, frozenset[str]]]:
    """Give for each package what it brings, and which packages these are: itself, and what only it leads to."""
    candidates = [name for name in owned if _can_go(name, program, imports)]
    candidates = sorted(candidates, key=lambda name: -owned[name].size)[:_CANDIDATES]
    weights = {}
    for name in candidates:
        behind = only_behind(name, imports, program) if imports else {name}
        weights[name] = (sum((owned.get(one, _Bytes()) for one in behind), _Bytes()), frozenset(behind))
    return weights


def _can_go(name: str, program: str, imports: Mapping[str, Package]) -> bool:
    """Say whether a program can do without a package: not its own, and not what every program has."""
    first = name.partition("/")[0]
    if name in {program, "main"} or first in {"runtime", "internal", "type:"}:
        return False
    if imports:
        return name in imports and not imports[name].is_own
    return True


def only_behind(name: str, imports: Mapping[str, Package], program: str) -> set[str]:
    """Give the packages that no import leads to but by way of *name*."""
    reached = {program, name}
    waiting = [program]
    while waiting:
        for following in imports[waiting.pop()].imports:
            if following not in reached and following in imports:
                reached.add(following)
                waiting.append(following)
    behind, waiting = {name}, [name]
    while waiting:
        for following in imports[waiting.pop()].imports:
            if following not in reached and following not in behind and following in imports:
                behind.add(following)
                waiting.append(following)
    return behind


def _chain(subject: Subject, package: str) -> tuple[str, ...] | None:
    try:
        return subject.graph.why(package).packages
    except NotFound:
        return None
