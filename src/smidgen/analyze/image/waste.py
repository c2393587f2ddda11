"""Wasted files put together: by what took them away, and by the directory that has most of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from smidgen.analyze.image.walk import Wasted

# A directory stands for its files where it has this share of their bytes.
_SHARE: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class WasteGroup:
    """Files that one layer brought and another took away in the same manner. Layers are numbered from 0.

    Attributes:
        path: The file, or the directory with most of it.
        files: How many files.
        size: Their bytes.
        made: The layer that brought them.
        lost: The layer that took them away.
        how: How.
        is_same: Whether they were replaced by files with the same content.
    """

    path: str
    files: int
    size: int
    made: int
    lost: int
    how: Literal["replaced", "deleted", "opaque"]
    is_same: bool


def grouped(wasted: Iterable[Wasted]) -> tuple[WasteGroup, ...]:
    """Put together what one whiteout, or one replaced directory, took away; the largest first."""
    sums: defaultdict[tuple[object, ...], list[int]] = defaultdict(lambda: [0, 0])
    first: dict[tuple[object, ...], Wasted] = {}
    for one in wasted:
        key = (one.cause, *one[2:5], one.is_same)
        first.setdefault(key, one)
        total = sums[key]
        total[0] += 1
        total[1] += one.size
    return _sorted(_group(first[key], first[key].cause, *total) for key, total in sums.items())


def rolled_up(groups: Sequence[WasteGroup]) -> tuple[WasteGroup, ...]:
    """Put together what the same layer took from the same other one in the same manner; the largest first.

    Where these are several, the path becomes that of the deepest directory that has nine tenths of their bytes:
    a recursive change of owner is one row and not one for each file.
    """
    alike: defaultdict[tuple[object, ...], list[WasteGroup]] = defaultdict(list)
    for group in groups:
        alike[group.made, group.lost, group.how, group.is_same].append(group)
    return _sorted(_rolled(several) if len(several) > 1 else several[0] for several in alike.values())


@dataclass(slots=True)
class _Directory:
    size: int = 0
    children: "dict[str, _Directory]" = field(default_factory=dict)


def _rolled(groups: Sequence[WasteGroup]) -> WasteGroup:
    root = _Directory()
    for group in groups:
        root.size += group.size
        here = root
        for part in group.path.split("/")[:-1]:
            here = here.children.setdefault(part, _Directory())
            here.size += group.size
    first, files, size = groups[0], sum(one.files for one in groups), root.size
    return WasteGroup(
        path="/".join(_deepest(root)),
        files=files,
        size=size,
        made=first.made,
        lost=first.lost,
        how=first.how,
        is_same=first.is_same,
    )


def _deepest(root: _Directory) -> list[str]:
    """Give the names down to the deepest directory that has most of *root*."""
    parts: list[str] = []
    here = root
    while here.children:
        name, child = max(here.children.items(), key=lambda item: item[1].size)
        if child.size < _SHARE * root.size:
            break
        parts.append(name)
        here = child
    return parts


def _group(one: Wasted, path: str, files: int, size: int) -> WasteGroup:
    return WasteGroup(path=path, files=files, size=size, made=one.made, lost=one.lost, how=one.how, is_same=one.is_same)


def _sorted(groups: Iterable[WasteGroup]) -> tuple[WasteGroup, ...]:
    return tuple(sorted(groups, key=lambda one: (-one.size, one.path, one.made, one.lost)))
