"""A stack of overlay directories as it would look when mounted, read without a mount.

The directories are in the form that the kernel's overlay has for its lower ones: a character device 0:0 hides a name
of the directories below, an attribute makes a directory opaque. Nobody may write to them meanwhile.

Source: Documentation/filesystems/overlayfs.rst of Linux 6.x ("whiteouts and opaque directories").
"""

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.errors import InvalidArchive

#: Marks an opaque directory, in the first user namespace and in others (mount option ``userxattr``).
OPAQUE: Final = "trusted.overlay.opaque"
USER_OPAQUE: Final = "user.overlay.opaque"

# As the kernel has it (MAXSYMLINKS).
_MOST_LINKS: Final = 40


@dataclass(frozen=True, slots=True)
class Node:
    """Something that is there.

    Attributes:
        path: Where, in the form of ``Entry.path``; no symbolic link leads to it.
        status: What ``lstat`` says.
        places: Its path on this machine; of a directory all that are merged, the topmost first.
    """

    path: str
    status: os.stat_result
    places: tuple[str, ...]

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.status.st_mode)

    @property
    def source(self) -> str:
        """Where its content is on this machine."""
        return self.places[0]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a path leads.

    Attributes:
        path: Free of symbolic links; where something is missing the rest of the path follows as it was written.
        node: What is there, or None.
    """

    path: str
    node: Node | None


class Merged:
    """A root directory that is a stack of directories.

    Args:
        layers: Directories of this machine, the bottom one first.
    """

    def __init__(self, layers: Sequence[str | Path]) -> None:
        self._layers = tuple(os.fspath(one) for one in reversed(layers))

    @property
    def layers(self) -> tuple[str, ...]:
        """The directories, the topmost first."""
        return self._layers

    @property
    def root(self) -> Node | None:
        """The root directory; None where there is no layer at all."""
        if not self._layers:
            return None
        places: list[str] = []
        for place in self._layers:
            places.append(place)
            if is_opaque(place):
                break
        return Node("", os.lstat(places[0]), tuple(places))

    def child(self, parent: Node, name: str) -> Node | None:
        """Find *name* in the directory *parent*."""
        path = f"{parent.path}/{name}" if parent.path else name
        first: os.stat_result | None = None
        places: list[str] = []
        for directory in parent.places:
            place = f"{directory}/{name}"
            try:
                status = os.lstat(place)
            except (FileNotFoundError, NotADirectoryError):
                continue
            if is_whiteout(status):
                break
            if not stat.S_ISDIR(status.st_mode):
                return Node(path, status, (place,)) if first is None else Node(path, first, tuple(places))
            first = first or status
            places.append(place)
            if is_opaque(place):
                break
        return None if first is None else Node(path, first, tuple(places))

    def names(self, directory: Node) -> list[str]:
        """List what is in a directory, sorted by the bytes of the names."""
        if len(directory.places) == 1:
            found = set(_names(directory.places[0], hidden=set()))
        else:
            found, hidden = set(), set[str]()
            for place in directory.places:
                gone: set[str] = set()
                found.update(name for name in _names(place, hidden=gone) if name not in hidden)
                hidden |= gone
        return in_order(found)

    def children(self, directory: Node) -> Iterator[Node]:
        """Give what is in a directory, sorted by the bytes of the names."""
        for name in self.names(directory):
            found = self.child(directory, name)
            if found is not None:
                yield found

    def find(self, path: str) -> Node | None:
        """Find *path*, in the form of ``Entry.path``; no symbolic link is followed, not on the way either."""
        node = self.root
        for name in path.split("/") if path else ():
            if node is None or not node.is_directory:
                return None
            node = self.child(node, name)
        return node

    def resolve(self, path: str, *, follow: bool = True) -> Resolved:
        """Go along *path* as a process whose root directory this is would.

        Args:
            path: Absolute or not, it starts at the root; may have ``.`` and ``..``.
            follow: Go through a symbolic link at the very end, too.

        Raises:
            InvalidArchive: Symbolic links run in circles, or something on the way is no directory.
        """
        waiting = path.split("/")[::-1]
        trail: list[tuple[str, Node | None]] = [("", self.root)]
        links = 0
        while waiting:
            name = waiting.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                trail = trail[:-1] if len(trail) > 1 else trail
                continue
            where, parent = trail[-1]
            inside = f"{where}/{name}" if where else name
            if parent is not None and not parent.is_directory:
                raise InvalidArchive(f"/{where} is no directory", member=f"/{path.lstrip('/')}")
            node = None if parent is None else self.child(parent, name)
            if node is None or not node.is_symlink or not (follow or any(part not in {"", "."} for part in waiting)):
                trail.append((inside, node))
                continue
            links += 1
            if links > _MOST_LINKS:
                raise InvalidArchive(f"over {_MOST_LINKS} symbolic links on the way", member=f"/{path.lstrip('/')}")
            target = os.readlink(node.source)
            trail = trail[:1] if target.startswith("/") else trail
            waiting += target.split("/")[::-1]
        return Resolved(*trail[-1])

    # What ``smidgen.sandbox.program`` asks of a root directory.

    def stat(self, path: str) -> os.stat_result | None:
        """Look at what *path* leads to, or None where it leads nowhere."""
        with suppress(InvalidArchive):
            node = self.resolve(path).node
            return None if node is None else node.status
        return None

    def open(self, path: str, flags: int = os.O_RDONLY) -> int:
        """Open what *path* leads to.

        Raises:
            FileNotFoundError: It leads nowhere.
        """
        node = self.resolve(path).node
        if node is None:
            raise FileNotFoundError(path)
        return os.open(node.source, flags | os.O_NOFOLLOW | os.O_CLOEXEC)

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        """Read the first *limit* bytes of a regular file; nothing where there is none."""
        status = self.stat(path)
        if status is None or not stat.S_ISREG(status.st_mode):
            return b""
        with os.fdopen(self.open(path), "rb") as file:
            return file.read(limit)

    def read_text(self, path: str) -> str:
        """Read a small text file; empty where there is none."""
        return self.read(path).decode("utf-8", "replace")


def in_order(names: Collection[str]) -> list[str]:
    """Sort names of files by their bytes."""
    # For ASCII both orders are one, and making bytes of every name costs more than sorting.
    return sorted(names) if "".join(names).isascii() else sorted(names, key=os.fsencode)


def is_whiteout(status: os.stat_result) -> bool:
    """Tell whether this is how an overlay says that a name is hidden."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def is_opaque(directory: str) -> bool:
    """Tell whether a directory hides all that those below it have in its place."""
    for name in (OPAQUE, USER_OPAQUE):
        with suppress(OSError):
            if os.getxattr(directory, name, follow_symlinks=False) == b"y":
                return True
    return False


def _names(directory: str, *, hidden: set[str]) -> Iterator[str]:
    """List a directory; what it hides of those below, by a whiteout or by being no directory, goes to *hidden*."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                hidden.add(entry.name)
                may_hide = not entry.is_file(follow_symlinks=False) and not entry.is_symlink()
                if may_hide and is_whiteout(entry.stat(follow_symlinks=False)):
                    continue
            yield entry.name
