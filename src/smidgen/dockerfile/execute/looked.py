"""What a build looked at, as signatures by which the next one can tell that nothing changed.

A file that was changed within the clock's tick before it was read could be changed once more without a trace (git
calls such files "racily clean"); then there are no signatures.
"""

import os
import stat
from collections.abc import Mapping
from typing import Final

from smidgen.dockerfile.execute.sources import Status

# A kernel's coarse clock ticks every 10 ms at the slowest; some file systems keep whole seconds only.
_TICK_NS: Final = 20_000_000
_COARSE_NS: Final = 2_000_000_000
_SECOND_NS: Final = 1_000_000_000
_MOST: Final = 100_000


def signatures(looked: Mapping[str, Status | None], *, before_ns: int) -> dict[str, str] | None:
    """Give the signature of each path, empty for what is not there; None where one cannot be trusted.

    Args:
        looked: Paths, each with what ``lstat`` said when it was looked at, or None to look now.
        before_ns: When the build began, in nanoseconds since 1970.
    """
    if len(looked) > _MOST:
        return None
    found: dict[str, str] = {}
    for path, known in looked.items():
        statuses = _statuses(path, known)
        if not all(_is_settled(status, before_ns) for status in statuses):
            return None
        found[path] = " ".join(_signature(status) for status in statuses)
    return found


def _statuses(path: str, known: Status | None) -> tuple[Status, ...]:
    try:
        own = known or Status.of(os.lstat(path))
        if stat.S_ISLNK(own.st_mode):
            return own, Status.of(os.stat(path))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return (own,)


def _signature(status: Status) -> str:
    return f"{status.st_mode} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def _is_settled(status: Status, before_ns: int) -> bool:
    changed = status.st_ctime_ns
    return changed < before_ns - (_TICK_NS if changed % _SECOND_NS else _COARSE_NS)
