"""What to say of a source that is not there."""

import posixpath
from collections.abc import Callable, Collection

from smidgen.dockerfile.spelling import did_you_mean


def near_miss(path: str, *, names: Callable[[str], Collection[str] | None], hides: Callable[[str], bool]) -> str | None:
    """Say why *path* is missing and what is near it, or None where there is nothing to say.

    Args:
        path: Relative to the root, without a slash in front.
        names: Gives the names in a directory, or None where there is no directory.
        hides: Says whether the ignore rules hide a path.
    """
    parts = [part for part in path.split("/") if part]
    for count, part in enumerate(parts):
        directory = "/".join(parts[:count])
        there = names(directory)
        if there is None:
            return f"/{directory} is no directory"
        if part not in there:
            seen = [name for name in there if not hides(posixpath.join(directory, name))]
            place = f"/{directory}" if directory else "the root"
            return did_you_mean(part, seen) or f"{place} has {_some(seen)}"
        if hides("/".join(parts[: count + 1])):
            return f"/{'/'.join(parts[: count + 1])} is there, but the ignore rules hide it"
    return None


def _some(names: Collection[str]) -> str:
    if not names:
        return "nothing that can be seen"
    first = sorted(names)[:5]
    return ", ".join(first) + (f" and {len(names) - len(first)} more" if len(names) > len(first) else "")
