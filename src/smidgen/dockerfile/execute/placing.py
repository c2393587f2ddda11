"""Where files go in an image, and what they become there: the entries of the layer of a COPY, an ADD or a WORKDIR.

What stands in the image already is looked up and not changed: an existing directory at the top of the destination
keeps its owner and mode, nested ones take those of the source.

Source: Dockerfile reference, "COPY"; the behaviour of BuildKit's ``solver/llbsolver/file`` and ``fsutil/copy``.
"""

import posixpath
import stat
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from smidgen.dockerfile.execute.sources import Item, Match, Tree
from smidgen.errors import InvalidArchive, UsageError
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.merged import Merged, Node
from smidgen.layer.snapshot import attributes
from smidgen.layer.unpack_overlay import fill_overlay

_SECOND: Final = 1_000_000_000
_DEVICES: Final = frozenset({Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE})

Mode = Callable[[int, bool], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """How files are put into an image.

    Attributes:
        destination: Absolute; ends in a slash where it must be a directory.
        owner: User and group of everything, or None to keep those of the source.
        mode: Gives the mode of a file or directory from that of its source and whether it is a directory; None
            keeps it.
        created: Seconds since 1970, of directories that are made.
    """

    destination: str
    owner: tuple[int, int] | None
    mode: Mode | None
    created: int


@dataclass(slots=True)
class Places:
    """The entries of one layer, being collected over what is there already."""

    view: Merged
    entries: dict[str, Entry] = field(default_factory=dict)
    _inodes: dict[tuple[int, int], str] = field(default_factory=dict)

    def finished(self) -> tuple[Entry, ...]:
        """Give the entries, parents first."""
        return tuple(self.entries[path] for path in sorted(self.entries, key=_order))

    def make_directories(self, path: str, *, mode: int, owner: tuple[int, int], created: int) -> str:
        """Make the directory *path* and those above it; give where it really is.

        Raises:
            UsageError: Something else is in the way.
        """
        real, _ = self._resolve(path)
        self._directories(real, mode=mode, owner=owner, created=created)
        return real

    def is_directory(self, path: str) -> bool:
        """Tell whether a directory is at *path* already, perhaps through a symbolic link."""
        real, node = self._resolve(path)
        made = self.entries.get(real)
        if made is not None:
            return made.kind is Kind.DIRECTORY
        return node is not None and node.is_directory

    def put(self, match: Match, placing: Placing, *, several: bool) -> None:
        """Put what one source came to in its place.

        Raises:
            UsageError: The destination cannot take it.
        """
        # What several sources name is copied for each of them.
        self._inodes.clear()
        if match.is_directory:
            top = self._make_top(placing)
            for item in match.items[1:]:
                self._put(item, f"{top}/{item.path}" if top else item.path, placing)
            return
        path = self._place_of_file(match.name, placing, several=several)
        self._put(replace(match.items[0], path=match.name), path, placing)

    def put_parents(self, match: Match, placing: Placing) -> Placing:
        """Put the directories that *match* keeps below the destination; give how the rest of it is put there."""
        owner = placing.owner or (0, 0)
        top = self.make_directories(placing.destination, mode=0o755, owner=owner, created=placing.created)
        for item in match.parents:
            self._put(item, posixpath.join(top, item.path), placing)
        inside = match.parents[-1].path if match.parents else ""
        return replace(placing, destination=posixpath.join(placing.destination, inside, ""))

    def _make_top(self, placing: Placing) -> str:
        """Make the directory that stands for the one that is copied; a mode is for it, and not for those above it."""
        owner = placing.owner or (0, 0)
        above, last = posixpath.split(placing.destination.rstrip("/"))
        if placing.mode is not None and last and not self.is_directory(placing.destination):
            self.make_directories(above, mode=0o755, owner=owner, created=placing.created)
            mode = placing.mode(0o755, True)
        else:
            mode = 0o755
        return self.make_directories(placing.destination, mode=mode, owner=owner, created=placing.created)

    def put_archive(self, match: Match, placing: Placing) -> None:
        """Put what was in an archive below the destination; what is there and of another kind gives way.

        Raises:
            UsageError: The destination is no directory.
        """
        owner = placing.owner or (0, 0)
        self._inodes.clear()
        real = {"": self.make_directories(placing.destination, mode=0o755, owner=owner, created=placing.created)}
        for item in match.items[1:]:
            parent, name = posixpath.split(item.path)
            path = posixpath.join(real[parent], name)
            if item.path in match.implied:
                # Only what is in it is to be put there, also through a symbolic link.
                path = self.make_directories(path, mode=0o755, owner=owner, created=placing.created)
            else:
                self._put_instead(item, path, placing)
            if item.kind is Kind.DIRECTORY:
                real[item.path] = path

    def _put_instead(self, item: Item, path: str, placing: Placing) -> None:
        made = self.entries.get(path)
        if made is not None and made.kind is Kind.DIRECTORY and item.kind is not Kind.DIRECTORY:
            for inside in [one for one in self.entries if one.startswith(f"{path}/")]:
                del self.entries[inside]
        self._add(item, path, placing)

    def put_file(self, entry: Entry, placing: Placing, *, several: bool) -> None:
        """Put the file *entry*, of which the path is a name, in its place.

        Raises:
            UsageError: The destination cannot take it.
        """
        uid, gid = placing.owner or (0, 0)
        mode = entry.mode if placing.mode is None else placing.mode(entry.mode, False)
        path = self._place_of_file(entry.path, placing, several=several)
        below = self.view.find(path) if self.view.layers else None
        self._check_kind(path, below, is_directory=False)
        self.entries[path] = replace(entry, path=path, mode=mode, uid=uid, gid=gid)

    def _place_of_file(self, name: str, placing: Placing, *, several: bool) -> str:
        """Give where a file called *name* really goes, and make the directories above it."""
        destination = placing.destination
        if destination.endswith("/") or self.is_directory(destination):
            destination = f"{destination.rstrip('/')}/{name}"
        elif several:
            raise UsageError(
                f"several sources go to {destination!r}, which is no directory",
                hint=f"end the destination in a slash: {destination}/",
            )
        owner = placing.owner or (0, 0)
        parent, last = posixpath.split(destination)
        above = self.make_directories(parent, mode=0o755, owner=owner, created=placing.created)
        # A link at the very end is followed, too.
        real, _ = self._resolve(f"{above}/{last}")
        if posixpath.dirname(real) != above:
            self._directories(posixpath.dirname(real), mode=0o755, owner=owner, created=placing.created)
        return real

    def _resolve(self, path: str) -> tuple[str, Node | None]:
        try:
            resolved = self.view.resolve(path)
        except InvalidArchive as error:
            raise UsageError(f"cannot put anything at {path}: {error.reason}") from error
        return resolved.path, resolved.node

    def _directories(self, path: str, *, mode: int, owner: tuple[int, int], created: int) -> None:
        parts = path.split("/") if path else []
        node = self.view.root
        for depth in range(len(parts)):
            inside = "/".join(parts[: depth + 1])
            node = self.view.child(node, parts[depth]) if node is not None and node.is_directory else None
            made = self.entries.get(inside)
            if made is not None:
                if made.kind is not Kind.DIRECTORY:
                    raise _not_a_directory(inside)
            elif node is not None:
                if not node.is_directory:
                    raise _not_a_directory(inside)
                self.entries[inside] = existing_directory(node)
            else:
                uid, gid = owner
                self.entries[inside] = Entry.directory(inside, mode=mode, uid=uid, gid=gid, mtime=created)

    def _check_kind(self, path: str, below: Node | None, *, is_directory: bool) -> None:
        made = self.entries.get(path)
        if made is not None:
            there: bool | None = made.kind is Kind.DIRECTORY
        else:
            there = below.is_directory if below is not None else None
        if there is not None and there != is_directory:
            wanted, got = ("a directory", "a file") if is_directory else ("a file", "a directory")
            raise UsageError(
                f"/{path} is {got} in the image, and {wanted} is to be put there",
                hint="remove it first, or choose another destination",
            )
        name = path.rpartition("/")[2]
        if name.startswith(".wh."):
            raise UsageError(
                f"the name {name!r} would hide another file in a layer", hint="give it a name without .wh. in front"
            )

    def _put(self, item: Item, path: str, placing: Placing) -> None:
        below = self.view.find(path) if self.view.layers else None
        self._check_kind(path, below, is_directory=item.kind is Kind.DIRECTORY)
        self._add(item, path, placing)

    def _add(self, item: Item, path: str, placing: Placing) -> None:
        entry = _entry(item, path, placing)
        if item.kind is not Kind.DIRECTORY and item.status.st_nlink > 1:
            first = self._inodes.setdefault((item.status.st_dev, item.status.st_ino), path)
            if first != path and self.entries.get(first, entry).kind is entry.kind and first in self.entries:
                entry = Entry(path=path, kind=Kind.HARDLINK, mode=entry.mode, link=first, mtime=entry.mtime)
        self.entries[path] = entry


def existing_directory(node: Node) -> Entry:
    """Give the entry of a directory that is there already, so that a layer brings it as it is."""
    status = node.status
    return Entry(
        path=node.path,
        kind=Kind.DIRECTORY,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime=int(status.st_mtime),
        xattrs=attributes(node.source),
    )


def _entry(item: Item, path: str, placing: Placing) -> Entry:
    status = item.status
    mode = stat.S_IMODE(status.st_mode)
    if placing.mode is not None and item.kind is not Kind.SYMLINK:
        mode = placing.mode(mode, item.kind is Kind.DIRECTORY)
    uid, gid = placing.owner or (status.st_uid, status.st_gid)
    is_file = item.kind is Kind.FILE
    return Entry(
        path=path,
        kind=item.kind,
        mode=mode,
        uid=uid,
        gid=gid,
        mtime=status.st_mtime_ns // _SECOND,
        link=item.link,
        size=status.st_size if is_file else 0,
        source=item.real if is_file else None,
        xattrs=item.xattrs,
        device=(status.st_rdev >> 8, status.st_rdev & 0xFF) if item.kind in _DEVICES else (0, 0),
    )


def _order(path: str) -> tuple[str, ...]:
    return tuple(path.split("/"))


def _not_a_directory(path: str) -> UsageError:
    return UsageError(
        f"/{path} is no directory in the image, and something is to be put below it",
        hint="choose another destination",
    )


def copy_tree(tree: Tree, source: str, directory: Path) -> None:
    """Copy what the directory *source* of *tree* has into the empty *directory*.

    Raises:
        UsageError: It is no directory.
        NotFound: It is not there.
    """
    places = Places(Merged(()))
    placing = Placing(destination="/", owner=None, mode=None, created=0)
    for match in tree.match(source) if tree.files.layers else ():
        if not match.is_directory:
            raise UsageError(f"{source} is no directory, and its content is to be copied")
        places.put(match, placing, several=False)
    fill_overlay(places.finished(), directory, lower=Merged(()), opaque="")
