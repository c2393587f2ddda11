"""``smidgen ls`` as lines, as ``ls`` and ``tar tv`` write them."""

import posixpath
from collections.abc import Sequence
from datetime import UTC, datetime

from smidgen.report.printable import printable
from smidgen.report.schema_store import ListedFile
from smidgen.report.text import columns

_LETTERS = {
    "file": "-",
    "directory": "d",
    "symlink": "l",
    "hardlink": "h",
    "character device": "c",
    "block device": "b",
    "fifo": "p",
}
_SPECIAL = ((0o4000, 2, "s"), (0o2000, 5, "s"), (0o1000, 8, "t"))
_CHANGES = {"added": "+", "changed": "~", "deleted": "-", "hidden": "-"}
_ARROWS = {"symlink": " -> ", "hardlink": " link to "}


def render_files(files: Sequence[ListedFile], *, details: bool = False, whole_paths: bool = False) -> list[str]:
    """Render one line a file.

    Args:
        files: What to show, in order.
        details: With mode, owner, size and time (UTC), as ``ls -l`` and ``tar tv`` do.
        whole_paths: Paths from the root, not only the last component.
    """
    names = [printable(file.path if whole_paths else posixpath.basename(file.path)) for file in files]
    marks = [f"{_CHANGES[file.change]} " if file.change else "" for file in files]
    if not details:
        return [mark + name + _end(file) for mark, name, file in zip(marks, names, files, strict=True)]
    rows = [
        [mark + _mode(file), f"{file.uid}/{file.gid}", str(file.size), _time(file.mtime), name + _link(file)]
        for mark, name, file in zip(marks, names, files, strict=True)
    ]
    return columns(rows, align="<<>", gap=" ")


def _end(file: ListedFile) -> str:
    if file.change == "hidden":
        return "/*"
    return "/" if file.kind == "directory" else ""


def _mode(file: ListedFile) -> str:
    mode = int(file.mode, 8)
    letters = [letter if mode & (0o400 >> at) else "-" for at, letter in enumerate("rwxrwxrwx")]
    for bit, at, letter in _SPECIAL:
        if mode & bit:
            letters[at] = letter if letters[at] == "x" else letter.upper()
    return _LETTERS[file.kind] + "".join(letters)


def _link(file: ListedFile) -> str:
    return _ARROWS.get(file.kind, " -> ") + printable(file.link) if file.link else ""


def _time(mtime: int) -> str:
    try:
        return datetime.fromtimestamp(mtime, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        # A year that no calendar of ours has.
        return f"@{mtime}"
