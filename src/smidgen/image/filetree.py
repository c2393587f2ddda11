"""The files of an image as a container sees them: its layers laid one on the other, without unpacking.

Source: OCI image-spec v1.1.1, ``layer.md`` ("Whiteouts", "Opaque Whiteout", "Applying Changesets").
"""

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from smidgen.errors import InvalidArchive, LimitExceeded, NotFound
from smidgen.image.image import Image
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.tar_reader import Limits, read_tar
from smidgen.oci.digest import Digest

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
# What aufs kept beside the files.
_AUFS: Final = "/.wh..wh."
_MAX_FILES: Final = 1_000_000
_MAX_HOPS: Final = 40


@dataclass(slots=True)
class Node:
    """A file or directory in its place.

    Attributes:
        entry: What it is; for a directory that no layer has an entry of, one that is made up.
        layer: The layer that it comes from, or None where it is made up.
        depth: How many layers are below that one; -1 where it is made up.
        children: What is in a directory, by name.
    """

    entry: Entry
    layer: Digest | None = None
    depth: int = -1
    children: dict[str, "Node"] = field(default_factory=dict)


class FileTree:
    """A root directory."""

    def __init__(self) -> None:
        self.root = Node(Entry.directory(""))
        self._count = 0
        self._depth = -1

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
        """Lay one layer over what is there. Its whiteouts hide the layers below, never what it brings itself."""
        self._depth += 1
        for entry in entries:
            self._count += 1
            if self._count > _MAX_FILES:
                raise LimitExceeded("number of files in the image", limit=_MAX_FILES)
            directory, name = posixpath.split(entry.path)
            if name == _OPAQUE or (name.startswith(_WHITEOUT) and not f"/{name}".startswith(_AUFS)):
                self._hide(directory, None if name == _OPAQUE else name.removeprefix(_WHITEOUT))
            elif _AUFS not in f"/{entry.path}":
                self._put(entry, layer)

    def _hide(self, directory: str, name: str | None) -> None:
        parent = self._resolve(directory, follow=True)
        if parent is not None:
            for hidden in list(parent.children) if name is None else [name]:
                if hidden in parent.children and not self._prune(parent.children[hidden]):
                    del parent.children[hidden]

    def _prune(self, node: Node) -> bool:
        """Take what layers below have out of *node*; tell whether it stays."""
        trail = list(below(node, deep=True))
        for found in (*reversed(trail), node):
            found.children = {
                name: child for name, child in found.children.items() if child.children or child.depth == self._depth
            }
        return bool(node.children) or node.depth == self._depth

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

    def _resolve(self, path: str, *, follow: bool, create: bool = False) -> Node | None:
        """Go along *path* through symbolic links, none of which leaves the root.

        Args:
            path: Below the root, whether it begins with a slash or not.
            follow: Go through a link at the very end, too.
            create: Make directories of what is missing, or is none, on the way.
        """
        waiting = [part for part in path.split("/") if part][::-1]
        trail = [self.root]
        hops = 0
        while waiting:
            part = waiting.pop()
            if part in {".", ".."}:
                trail = trail[:-1] if part == ".." and len(trail) > 1 else trail
                continue
            here = trail[-1]
            node = here.children.get(part)
            if node is not None and node.entry.kind is Kind.SYMLINK and (waiting or follow):
                hops += 1
                if hops > _MAX_HOPS:
                    return None
                target = node.entry.link
                trail = [self.root] if target.startswith("/") else trail
                waiting += [one for one in target.split("/") if one][::-1]
                continue
            if create and (node is None or node.entry.kind is not Kind.DIRECTORY):
                node = here.children[part] = Node(Entry.directory(_joined(here, part)))
            if node is None:
                return None
            trail.append(node)
        return trail[-1]

    def _put(self, entry: Entry, layer: Digest) -> None:
        if not entry.path:
            self.root.entry, self.root.layer, self.root.depth = entry, layer, self._depth
            return
        directory, name = posixpath.split(entry.path)
        # As engines that unpack in place do: a link to a directory is as good as one.
        parent = self._resolve(directory, follow=True, create=True)
        if parent is None:
            raise InvalidArchive(f"over {_MAX_HOPS} symbolic links on the way", member=entry.path)
        if entry.kind is Kind.HARDLINK:
            entry = self._linked(entry)
        entry = replace(entry, path=_joined(parent, name))
        old = parent.children.get(name)
        both = entry.kind is Kind.DIRECTORY and old is not None and old.entry.kind is Kind.DIRECTORY
        parent.children[name] = Node(entry, layer, self._depth, old.children if old is not None and both else {})

    def _linked(self, entry: Entry) -> Entry:
        """Give a hard link the mode and owner of its file, of which it is one more name."""
        target = self._resolve(entry.link, follow=False)
        if target is None or target.entry.kind is Kind.DIRECTORY:
            return entry
        return replace(target.entry, path=entry.path, kind=Kind.HARDLINK, link=entry.link, size=0, device=(0, 0))


def below(node: Node, *, deep: bool) -> Iterator[Node]:
    """Give what is in the directory *node*, sorted by name; with *deep* all below it, parents first."""
    waiting = [child for _, child in sorted(node.children.items(), reverse=True)]
    while waiting:
        found = waiting.pop()
        yield found
        if deep:
            waiting += [child for _, child in sorted(found.children.items(), reverse=True)]


def _joined(parent: Node, name: str) -> str:
    return f"{parent.entry.path}/{name}" if parent.entry.path else name
