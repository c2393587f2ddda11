"""Directories below a root, opened so that nothing outside can ever be reached.

Every component is opened by itself, below the directory before it, and never through a symlink. A symlink in the
way is read and followed here, as a process whose root directory this is would follow it: absolute targets start at
the root, and '..' stops there.
"""

import errno
import os
import stat
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from smidgen.errors import InvalidArchive
from smidgen.layer.entry import decode_path, encode_path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_OPEN = 64
# As the kernel has it (MAXSYMLINKS).
_MOST_LINKS = 40
# Deeper than trees that people make; bounds the directories that are open at once while one is removed.
_MOST_DEPTH = 256
_OWNER_ALL = 0o700

#: Told of each directory that is opened: its real path, its status before its owner was let in, and whether it
#: was just made.
OnOpen = Callable[[str, os.stat_result, bool], None]


class Place(NamedTuple):
    """An open directory below the root; open until the walk is asked for another one.

    Attributes:
        fd: The directory.
        path: Where it really is, with no symlink on the way; '' is the root.
    """

    fd: int
    path: str

    def below(self, name: str) -> str:
        """Give the real path of *name* in it."""
        return f"{self.path}/{name}" if self.path else name


class RootWalk:
    """Opens directories below one root, and keeps the last ones open."""

    def __init__(self, root: int, on_open: OnOpen) -> None:
        """Walk below *root*, an open directory, which stays the caller's to close."""
        self._root = root
        self._on_open = on_open
        self._open: dict[str, int] = {}
        status = os.fstat(root)
        _let_owner_in(root, status)
        on_open("", status, False)

    def directory(self, path: str, *, create: bool = True, follow: bool = True) -> Place:
        """Open the directory *path*; symlinks on the way are followed within the root.

        Args:
            path: In the form of ``Entry.path``.
            create: Make what is missing.
            follow: Otherwise a symlink on the way is an error.

        Raises:
            FileNotFoundError: It is missing, and *create* is false.
            InvalidArchive: Something that is no directory is in the way, or symlinks run in circles.
        """
        known = self._open.get(path)
        if known is not None:
            return Place(known, path)
        done: list[str] = []
        left = deque(path.split("/"))
        place = Place(self._root, "")
        links = 0
        while left:
            name = left.popleft()
            if name in {"", "."}:
                continue
            if name == "..":
                place = self._again(done[:-1])
                del done[-1:]
                continue
            below = self._below(place, name, create=create)
            if below is not None:
                done.append(name)
                place = below
                continue
            links += 1
            if links > _MOST_LINKS or not follow:
                raise InvalidArchive(f"too many symlinks on the way, the limit is {_MOST_LINKS}", member=path)
            target = self.read_link(place, name)
            left.extendleft(reversed(target.split("/")))
            if target.startswith("/"):
                done, place = [], Place(self._root, "")
        return place

    def make(self, place: Place, name: str, *, create: bool) -> os.stat_result | None:
        """Make the directory *name*, missing in *place*; give the status that it is to have in the end, if any.

        Raises:
            FileNotFoundError: It is not to be made, as *create* is false.
            NotADirectoryError: A symlink counts as being there.
        """
        if not create:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), place.below(name))
        os.mkdir(encode_path(name), _OWNER_ALL, dir_fd=place.fd)
        return None

    def read_link(self, place: Place, name: str) -> str:
        """Read the symlink *name* in *place*.

        Raises:
            InvalidArchive: It is something else.
        """
        try:
            return decode_path(os.readlink(encode_path(name), dir_fd=place.fd))
        except OSError as error:
            raise InvalidArchive(
                "it is no directory, but something is to be put below it", member=place.below(name)
            ) from error

    def forget(self) -> None:
        """Close what is kept open, as something was removed or replaced."""
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()

    def _again(self, parts: list[str]) -> Place:
        """Open once more a real path, which is there."""
        return self.directory("/".join(parts), create=False, follow=False) if parts else Place(self._root, "")

    def _below(self, place: Place, name: str, *, create: bool) -> Place | None:
        """Open the directory *name* in *place*; None where it is something else."""
        path = place.below(name)
        known = self._open.get(path)
        if known is not None:
            return Place(known, path)
        if path.count("/") >= _MOST_DEPTH:
            raise InvalidArchive(f"more than {_MOST_DEPTH} directories deep", member=path)
        raw, made = encode_path(name), False
        try:
            try:
                fd, status = open_directory(raw, place.fd)
            except FileNotFoundError:
                given = self.make(place, name, create=create)
                fd, status = open_directory(raw, place.fd)
                made, status = given is None, given or status
        except NotADirectoryError:
            return None
        if len(self._open) >= _MOST_OPEN:
            os.close(self._open.pop(next(iter(self._open))))
        self._open[path] = fd
        self._on_open(path, status, made)
        return Place(fd, path)


def open_directory(name: bytes, parent: int) -> tuple[int, os.stat_result]:
    """Open the directory *name* in *parent*, never through a symlink; give its status before its owner was let in.

    A directory of our own that we may not read or write, as layers have them, is made accessible to its owner.

    Raises:
        NotADirectoryError: It is a symlink or anything else.
        FileNotFoundError: It is missing.
    """
    try:
        fd = os.open(name, _DIRECTORY, dir_fd=parent)
    except PermissionError:
        return _open_closed_directory(name, parent)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from error
        raise
    status = os.fstat(fd)
    _let_owner_in(fd, status)
    return fd, status


def _open_closed_directory(name: bytes, parent: int) -> tuple[int, os.stat_result]:
    look = os.open(name, _LOOK, dir_fd=parent)
    try:
        status = os.fstat(look)
        # A descriptor that only looks cannot be changed, but its name in /proc can, and cannot be swapped.
        os.chmod(f"/proc/self/fd/{look}", stat.S_IMODE(status.st_mode) | _OWNER_ALL)
        return os.open(name, _DIRECTORY, dir_fd=parent), status
    finally:
        os.close(look)


def _let_owner_in(fd: int, status: os.stat_result) -> None:
    if status.st_mode & _OWNER_ALL != _OWNER_ALL and status.st_uid == os.geteuid() != 0:
        os.fchmod(fd, stat.S_IMODE(status.st_mode) | _OWNER_ALL)
