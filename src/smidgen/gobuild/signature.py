"""How a file or a directory is, and whether it still is so.

A signature is what ``stat`` says. While it stays the same the content is taken to be the same; when it differs
the content decides, so that a touched file builds nothing. A signature can only be trusted if the file had settled
when it was read: a change within the same tick of the file system's clock would leave it as it was (git calls such
files "racily clean"). It is the change time that tells, as no program can set it back.

One clock is assumed: on a network file system whose server's clock lags behind, a change made while a build runs
can pass for an older one.
"""

import os
import stat
from typing import Literal

from smidgen.gobuild.source import header, is_relevant, is_test_file

#: Mode, size, modification and change time in nanoseconds, inode; twice for a symbolic link and its target;
#: empty for what is not there.
Signature = tuple[int, ...]

#: Which names of a directory count: those that matter to Go, directories that ``...`` leads into, or all.
Kind = Literal["sources", "folders", "listings"]

# A kernel's coarse clock ticks every 10 ms at the slowest; some file systems keep whole seconds only.
_TICK_NS = 20_000_000
_COARSE_NS = 2_000_000_000
_SECOND_NS = 1_000_000_000
_READ_SIZE = 1 << 18


def signature(path: str) -> Signature:
    """Take the signature of *path*.

    Raises:
        OSError: It cannot be looked at, for another reason than not being there.
    """
    try:
        own = os.lstat(path)
        taken = (own.st_mode, own.st_size, own.st_mtime_ns, own.st_ctime_ns, own.st_ino)
        if not stat.S_ISLNK(own.st_mode):
            return taken
        target = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return (*taken, target.st_mode, target.st_size, target.st_mtime_ns, target.st_ctime_ns, target.st_ino)


def is_settled(taken: Signature, before_ns: int) -> bool:
    """Tell whether what has this signature was last changed clearly before *before_ns*."""
    for at in range(3, len(taken), 5):
        changed = taken[at]
        if changed >= before_ns - (_TICK_NS if changed % _SECOND_NS else _COARSE_NS):
            return False
    return True


def identity(path: str) -> tuple[str, bytes | None]:
    """Say what *path* is: its kind and, for a file, a digest of what of its content counts; and give that content.

    The digest is a plain name for the content within a record; it is never that of a blob.
    """
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "", None
    try:
        kind = "link" if stat.S_ISLNK(mode) else "file"
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "broken link", None
    if not stat.S_ISREG(mode):
        return f"{kind}, not of data: {stat.S_IFMT(mode):o}", None
    import hashlib

    with open(path, "rb", buffering=0) as file:
        data = file.readall()
    counted = header(data) if is_test_file(path) else data
    return f"{kind}:{hashlib.sha256(counted).hexdigest()}", data


def names(directory: str, kind: Kind) -> tuple[str, ...] | None:
    """Give the names in *directory* that count, sorted, each after a letter for what it is; None without it."""
    try:
        with os.scandir(directory) as entries:
            return tuple(sorted(_letter(entry) + entry.name for entry in entries if _counts(entry, kind)))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _counts(entry: "os.DirEntry[str]", kind: Kind) -> bool:
    if kind == "sources":
        return is_relevant(entry.name)
    if kind == "folders":
        return is_entered(entry.name) and entry.is_dir(follow_symlinks=False)
    return True


def is_entered(name: str) -> bool:
    """Tell whether ``...`` leads into a directory called *name*."""
    return not name.startswith((".", "_")) and name not in {"testdata", "vendor"}


def _letter(entry: "os.DirEntry[str]") -> str:
    if entry.is_symlink():
        return "l"
    if entry.is_dir(follow_symlinks=False):
        return "d"
    return "f" if entry.is_file(follow_symlinks=False) else "o"
