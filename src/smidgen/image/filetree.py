"""The files of an image as a container sees them: its layers laid one on the other, without unpacking.

Source: OCI image-spec v1.1.1, ``layer.md`` ("Whiteouts", "Opaque Whiteout", "Applying Changesets").
"""

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from smidgen.errors import LimitExceeded, NotFound
from smidgen.image.image import Image
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.tar_reader import Limits, read_tar
from smidgen.oci.digest import Digest

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_MAX_FILES: Final = 1_000_000
_MAX_HOPS: Final = 40


@dataclass(slots=True)
class Node:
    """A file or directory in its place.

    Attributes:
        entry: What it is; for a directory that no layer has an entry of, one that is made up.
        layer: The layer that it comes from, or None where it is made up.
        children: What is in a directory, by name.
    """

    entry: Entry
    layer: Digest | None = None
    children: dict[str, "Node"] = field(default_factory=dict)


class FileTree:
    """A root directory."""

    def __init__(self) -> None:
        self.root = Node(Entry.directory(""))
        self._count = 0

    @classmethod
    def of(cls, image: Image) -> "FileTree":
        """Read the layers of a single image.

        Raises:
            ContentError: A layer is absent or damaged, or there are more than a million files.
        """
        tree = cls()
        for layer in image.layers:
            with image.open_layer(layer) as stream:
                tree.apply(
                    (member.entry for member in read_tar(stream, limits=Limits(entries=_MAX_FILES))), layer.digest
                )
                # The digest is checked at the end of the stream, and a tar ends before it.
                while stream.read(1 << 20):
                    pass
        return tree

    def apply(self, entries: Iterable[Entry], layer: Digest) -> None:
        """Lay one layer over what is there. Its whiteouts mean the layers below, wherever they stand in it."""
        kept: list[Entry] = []
        for entry in entries:
            directory, name = posixpath.split(entry.path)
            if name == _OPAQUE:
                if (parent := self._get(directory)) is not None:
                    parent.children.clear()
            elif name.startswith(_WHITEOUT):
                if (parent := self._get(directory)) is not None:
                    parent.children.pop(name.removeprefix(_WHITEOUT), None)
            else:
                self._count += 1
                if self._count > _MAX_FILES:
                    raise LimitExceeded("number of files in the image", limit=_MAX_FILES)
                kept.append(entry)
        for entry in kept:
            self._put(entry, layer)

    def find(self, path: str, *, follow: bool = True) -> Node:
        """Find what is at *path*, through symbolic links.

        Args:
            path: Absolute or not, it is below the root.
            follow: Give what a link at the very end points to, where that is there.

        Raises:
            NotFound: Nothing is there.
        """
        node = self._resolve(path, follow=follow)
        if node is None:
            raise NotFound(f"/{path.strip('/')}", hint="`smidgen ls -R REF` lists all there is")
        return node

    def _resolve(self, path: str, *, follow: bool) -> Node | None:
        waiting = [part for part in path.split("/") if part][::-1]
        trail = [self.root]
        hops = 0
        while waiting:
            part = waiting.pop()
            if part in {".", ".."}:
                trail = trail[:-1] if part == ".." and len(trail) > 1 else trail
                continue
            node = trail[-1].children.get(part)
            if node is None:
                return None
            if node.entry.kind is not Kind.SYMLINK or not (waiting or follow):
                trail.append(node)
                continue
            hops += 1
            if hops > _MAX_HOPS:
                return None
            target = node.entry.link
            trail = [self.root] if target.startswith("/") else trail
            waiting += [one for one in target.split("/") if one][::-1]
        return trail[-1]

    def _get(self, path: str) -> Node | None:
        """Give the directory at *path* as it is named, not through links."""
        node: Node | None = self.root
        for part in path.split("/") if path else ():
            node = node.children.get(part) if node else None
        return node

    def _put(self, entry: Entry, layer: Digest) -> None:
        if not entry.path:
            self.root.entry, self.root.layer = entry, layer
            return
        *above, name = entry.path.split("/")
        node = self.root
        for depth, part in enumerate(above, 1):
            child = node.children.get(part)
            if child is None or child.entry.kind is not Kind.DIRECTORY:
                child = node.children[part] = Node(Entry.directory("/".join(above[:depth])))
            node = child
        if entry.kind is Kind.HARDLINK:
            entry = self._linked(entry)
        old = node.children.get(name)
        both = entry.kind is Kind.DIRECTORY and old is not None and old.entry.kind is Kind.DIRECTORY
        node.children[name] = Node(entry, layer, old.children if old is not None and both else {})

    def _linked(self, entry: Entry) -> Entry:
        """Give a hard link the mode and owner of its file, of which it is one more name."""
        target = self._get(entry.link)
        if target is None:
            return entry
        return replace(target.entry, path=entry.path, kind=Kind.HARDLINK, link=entry.link, size=0, xattrs=())


def below(node: Node, *, deep: bool) -> Iterator[Node]:
    """Give what is in the directory *node*, sorted by name; with *deep* all below it, parents first."""
    waiting = [child for _, child in sorted(node.children.items(), reverse=True)]
    while waiting:
        found = waiting.pop()
        yield found
        if deep:
            waiting += [child for _, child in sorted(found.children.items(), reverse=True)]
