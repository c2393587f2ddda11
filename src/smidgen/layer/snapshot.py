"""What a step changed: an overlay's upper directory as the entries of a layer.

Only the upper directory is walked, never the whole file system. Directories that the kernel had to copy up because
something below them changed are brought along as parents; those that nothing changed are left out.

Source: OCI image-spec v1.1.1, ``layer.md`` ("Whiteouts"); Documentation/filesystems/overlayfs.rst of Linux 6.x.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smidgen.errors import BuildError, LimitExceeded
from smidgen.layer.entry import Entry, Kind, decode_path
from smidgen.layer.merged import Merged, Node, in_order, is_opaque, is_whiteout

_WHITEOUT: Final = ".wh."
# As deep as unpacking goes (``root_walk``).
_MOST_DEPTH: Final = 256
_OVERLAY: Final = ("trusted.overlay.", "user.overlay.")
_KINDS: Final = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFIFO: Kind.FIFO,
    stat.S_IFCHR: Kind.CHARACTER_DEVICE,
    stat.S_IFBLK: Kind.BLOCK_DEVICE,
}

Attributes = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Which modification times entries get.

    Attributes:
        keep: Those of the files, in whole seconds; else all get *fixed*.
        fixed: Seconds since 1970.
    """

    keep: bool = False
    fixed: int = 0

    def of(self, status: os.stat_result) -> int:
        """Give the time of the entry of a file."""
        return int(status.st_mtime) if self.keep else self.fixed


def changes(
    upper: Path, lower: Merged, *, times: Times = Times(), stubs: frozenset[str] = frozenset()
) -> Iterator[Entry]:
    """Give the entries of the layer that *upper* is over *lower*, sorted by path, parents first.

    Args:
        upper: An overlay's upper directory that nobody writes to any more.
        lower: What it lay over.
        times: Which times entries get.
        stubs: Paths that were only there to mount something on; they are left out while nothing is in them.

    Raises:
        BuildError: There is what a layer cannot say: a name that is a whiteout's, or a directory that the overlay
            renamed by reference.
        LimitExceeded: Directories are too deep.
        OSError: Something cannot be read.
    """
    yield from _Walk(times, stubs, lower, EntryMaker(times)).directory(
        _Place(str(upper), "", lower.root, is_replaced=False)
    )


@dataclass(slots=True)
class _Place:
    """A directory of the upper one.

    Attributes:
        real: On this machine.
        path: In the layer.
        below: What stands in its place in the layers below, or None.
        is_replaced: What is below cannot be seen through it.
    """

    real: str
    path: str
    below: Node | None
    is_replaced: bool


@dataclass(slots=True)
class _Found:
    name: str
    path: str
    real: str
    status: os.stat_result


@dataclass(slots=True)
class EntryMaker:
    """Makes entries of files; knows which of them are one file under several names.

    Attributes:
        times: Which times entries get.
    """

    times: Times
    _first_names: dict[tuple[int, int], str] = field(default_factory=dict)

    def entry(self, status: os.stat_result, real: str, path: str) -> Entry | None:
        """Give what *real* is; None for a socket, which is nothing without its program."""
        kind = _KINDS.get(stat.S_IFMT(status.st_mode))
        if kind is None:
            return None
        if kind is not Kind.DIRECTORY and status.st_nlink > 1:
            first = self._first_names.setdefault((status.st_dev, status.st_ino), path)
            if first != path:
                return Entry(path=path, kind=Kind.HARDLINK, mode=stat.S_IMODE(status.st_mode), link=first)
        is_file = kind is Kind.FILE
        is_device = kind in {Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE}
        return Entry(
            path=path,
            kind=kind,
            mode=stat.S_IMODE(status.st_mode),
            uid=status.st_uid,
            gid=status.st_gid,
            mtime=self.times.of(status),
            link=decode_path(os.fsencode(os.readlink(real))) if kind is Kind.SYMLINK else "",
            size=status.st_size if is_file else 0,
            source=real if is_file else None,
            xattrs=attributes(real),
            device=(os.major(status.st_rdev), os.minor(status.st_rdev)) if is_device else (0, 0),
        )


@dataclass(slots=True)
class _Walk:
    times: Times
    stubs: frozenset[str]
    lower: Merged
    maker: EntryMaker

    def directory(self, place: _Place) -> Iterator[Entry]:
        """Give the entry of a directory, if it says anything, and what is in it."""
        if place.path.count("/") >= _MOST_DEPTH:
            raise LimitExceeded(f"depth of the directory /{place.path[:80]}…", limit=_MOST_DEPTH)
        own: Entry | None = self.maker.entry(os.lstat(place.real), place.real, place.path)
        if own is not None and self.is_unchanged(own, place.below):
            waiting: Entry | None = own
        elif own is not None and place.path in self.stubs and place.below is None:
            waiting = own
        else:
            waiting = None
            if own is not None:
                yield own
        for entry in self.content(place):
            if waiting is not None and waiting.path:
                yield waiting
            waiting = None
            yield entry

    def content(self, place: _Place) -> Iterator[Entry]:
        with os.scandir(place.real) as found:
            names = [entry.name for entry in found]
        below = place.below if place.below is not None and place.below.is_directory else None
        gone: set[str] = set()
        if place.is_replaced and below is not None:
            gone.update(self.lower.names(below))
            gone.difference_update(names)
        # Whiteouts stand where their names would, so that the order follows from the paths alone.
        for name in in_order([*names, *gone]):
            path = f"{place.path}/{name}" if place.path else name
            if name in gone:
                yield whiteout(path)
                continue
            if name.startswith(_WHITEOUT):
                raise BuildError(
                    f"the file /{path} would hide another one in a layer", hint="give it a name without .wh. in front"
                )
            real = f"{place.real}/{name}"
            status = os.lstat(real)
            if stat.S_ISREG(status.st_mode) and path not in self.stubs:
                # Nearly everything is one of these: what is below them does not matter.
                entry = self.maker.entry(status, real, path)
                if entry is not None:
                    yield entry
            else:
                yield from self.child(place, below, _Found(name, path, real, status))

    def child(self, place: _Place, below: Node | None, found: "_Found") -> Iterator[Entry]:
        path, real, status = found.path, found.real, found.status
        hidden = self.lower.child(below, found.name) if below is not None else None
        if is_whiteout(status):
            if hidden is not None:
                yield whiteout(path)
        elif stat.S_ISDIR(status.st_mode):
            is_replaced = place.is_replaced or (hidden is not None and is_opaque(real))
            yield from self.directory(_Place(real, path, hidden, is_replaced=is_replaced))
        elif path not in self.stubs or hidden is not None or status.st_size:
            entry = self.maker.entry(status, real, path)
            if entry is not None:
                yield entry

    def is_unchanged(self, entry: Entry, below: Node | None) -> bool:
        """Tell whether a directory is as it is below, so that it is there for its content only."""
        if below is None or not below.is_directory:
            return False
        status = below.status
        return (
            (entry.mode, entry.uid, entry.gid) == (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
            and (not self.times.keep or entry.mtime == int(status.st_mtime))
            and entry.xattrs == attributes(below.source)
        )


def whiteout(path: str) -> Entry:
    """Make the entry that hides *path* of the layers below."""
    directory, _, name = path.rpartition("/")
    return Entry.file(f"{directory}/{_WHITEOUT}{name}" if directory else f"{_WHITEOUT}{name}", b"", mode=0)


def attributes(real: str) -> Attributes:
    """Give the extended attributes that a layer keeps: file capabilities and those of users.

    Raises:
        BuildError: It is a directory that the overlay renamed by reference.
    """
    names = os.listxattr(real, follow_symlinks=False)
    if not names:
        return ()
    found: list[tuple[str, bytes]] = []
    for name in sorted(names):
        if name.startswith(_OVERLAY):
            if name.endswith(".redirect"):
                raise BuildError(
                    f"{real} was renamed by reference, which a layer cannot say",
                    hint="switch redirect_dir of overlay off: echo N > /sys/module/overlay/parameters/redirect_dir",
                )
            continue
        if name.startswith("user.") or name == "security.capability":
            found.append((name, os.getxattr(real, name, follow_symlinks=False)))
    return tuple(found)
