"""What to say of a source that is not there."""

import posixpath
from collections.abc import Callable, Collection

from smidgen.dockerfile.spelling import did_you_mean


def missing_hint(
    path: str, *, names: Callable[[str], Collection[str] | None], hides: Callable[[str], bool], where: str
) -> str:
    """Say why *path* may be missing, and what is near it.

    Args:
        path: Relative to the root, without a slash in front.
        names: Gives the names in a directory, or None where there is no directory.
        hides: Says whether the ignore rules hide a path.
        where: What the root is, such as ``the build context``.
    """
    parts = [part for part in path.split("/") if part]
    for count in range(len(parts)):
        directory = "/".join(parts[:count])
        there = names(directory)
        if there is None:
            return f"/{directory} in {where} is no directory"
        if parts[count] not in there:
            seen = [name for name in there if not hides(posixpath.join(directory, name))]
            place = f"/{directory}" if directory else "the root"
            near = did_you_mean(parts[count], seen)
            return near or f"{place} of {where} has {_some(seen)}"
        if hides("/".join(parts[: count + 1])):
            return f"/{'/'.join(parts[: count + 1])} is there, but the ignore rules hide it"
    return f"sources are paths in {where}"


def _some(names: Collection[str]) -> str:
    if not names:
        return "nothing that can be seen"
    first = sorted(names)[:5]
    return ", ".join(first) + (f" and {len(names) - len(first)} more" if len(names) > len(first) else "")
