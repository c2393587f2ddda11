"""The files of an image as a container sees them: its layers laid one on the other, without unpacking.

Source: OCI image-spec v1.1.1, ``layer.md`` ("Whiteouts", "Opaque Whiteout", "Applying Changesets").
"""

import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple

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
class Content:
    """The bytes of a file, which all of its names share.

    Attributes:
        size: In bytes; never 0, since a file without bytes has no content.
        depth: How many layers are below the one that brought it.
        names: How many paths of the tree it has; hard links are names, too.
        digest: SHA-256, 32 bytes, where whoever reads the layers computes it.
    """

    size: int
    depth: int
    names: int = 1
    digest: bytes = b""


class Loss(NamedTuple):
    """Why a file is no more to be seen.

    Attributes:
        how: ``replaced`` by something at its path or above it; ``deleted``, or a directory above it; ``opaque``: all
            of a directory was hidden.
        path: What was replaced, deleted or hidden: the file, or a directory above it.
        by: What is there now, where it was replaced.
    """

    how: Literal["replaced", "deleted", "opaque"]
    path: str
    by: "Node | None" = None


@dataclass(slots=True)
class Node:
    """A file or directory in its place.

    Attributes:
        entry: What it is; for a directory that no layer has an entry of, one that is made up.
        layer: The layer that it comes from, or None where it is made up.
        depth: How many layers are below that one; -1 where it is made up.
        children: What is in a directory, by name.
        content: The bytes of a file or a hard link, or None where there are none.
    """

    entry: Entry
    layer: Digest | None = None
    depth: int = -1
    children: dict[str, "Node"] = field(default_factory=dict)
    content: Content | None = None


class FileTree:
    """A root directory.

    Args:
        lost: Is told of content that a layer took the last name from, with the node that had it.
    """

    def __init__(self, lost: Callable[[Node, Content, Loss], None] | None = None) -> None:
        self.root = Node(Entry.directory(""))
        self._count = 0
        self._depth = -1
        self._lost = lost

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
        self.begin()
        for entry in entries:
            self.take(entry, layer)

    def begin(self) -> None:
        """Begin the next layer, whose entries are to be taken one by one."""
        self._depth += 1

    def take(self, entry: Entry, layer: Digest, *, digest: bytes = b"") -> None:
        """Lay one entry of the layer that was begun over what is there.

        Args:
            entry: A file, a directory, a link, a whiteout.
            layer: The layer's digest.
            digest: SHA-256 of a file's content, where it is known.

        Raises:
            LimitExceeded: More than a million files.
            InvalidArchive: Symbolic links without an end.
        """
        self._count += 1
        if self._count > _MAX_FILES:
            raise LimitExceeded("number of files in the image", limit=_MAX_FILES)
        hidden = whiteout_of(entry.path)
        if hidden is not None:
            self._hide(*hidden)
        elif _AUFS not in f"/{entry.path}":
            self._put(entry, layer, digest)

    def _hide(self, directory: str, name: str | None) -> None:
        parent = self._resolve(directory, follow=True)
        if parent is None:
            return
        loss = Loss("opaque", parent.entry.path) if name is None else Loss("deleted", _joined(parent, name))
        for hidden in list(parent.children) if name is None else [name]:
            if hidden in parent.children and not self._prune(parent.children[hidden], loss):
                self._drop(parent.children.pop(hidden), loss)

    def _prune(self, node: Node, loss: Loss) -> bool:
        """Take what layers below have out of *node*; tell whether it stays."""
        trail = list(below(node, deep=True))
        for found in (*reversed(trail), node):
            for name, child in tuple(found.children.items()):
                if not child.children and child.depth != self._depth:
                    self._drop(found.children.pop(name), loss)
        return bool(node.children) or node.depth == self._depth

    def _drop(self, node: Node, loss: Loss) -> None:
        """Count the names of the content of *node* and all below it, which is no more in the tree."""
        if self._lost is None:
            return
        for gone in (node, *below(node, deep=True)) if node.children else (node,):
            content = gone.content
            if content is not None:
                content.names -= 1
                if not content.names:
                    self._lost(gone, content, loss)

    def find(self, path: str, *, follow: bool = True) -> Node:
        """Find what is at *path*, through symbolic links.

        Args:
            path: Absolute or not, it is below the root.
            follow: Give what a link at the very end points to, where that is there.

        Raises:
            NotFound: Nothing is there.
        """
        node = self.get(path, follow=follow)
        if node is None:
            raise NotFound(f"/{path.strip('/')}", hint="`smidgen ls -R REF` lists all there is")
        return node

    def get(self, path: str, *, follow: bool = True) -> Node | None:
        """As ``find``, but gives None where nothing is there."""
        return self._resolve(path, follow=follow)

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
                old, node = node, Node(Entry.directory(_joined(here, part)))
                here.children[part] = node
                if old is not None:
                    self._drop(old, Loss("replaced", node.entry.path, node))
            if node is None:
                return None
            trail.append(node)
        return trail[-1]

    def _put(self, entry: Entry, layer: Digest, digest: bytes) -> None:
        if not entry.path:
            self.root.entry, self.root.layer, self.root.depth = entry, layer, self._depth
            return
        directory, name = posixpath.split(entry.path)
        # As engines that unpack in place do: a link to a directory is as good as one.
        parent = self._resolve(directory, follow=True, create=True)
        if parent is None:
            raise InvalidArchive(f"over {_MAX_HOPS} symbolic links on the way", member=entry.path)
        content = Content(entry.size, self._depth, digest=digest) if entry.size else None
        if entry.kind is Kind.HARDLINK:
            entry, content = self._linked(entry)
        if parent.entry.path != directory:
            entry = replace(entry, path=_joined(parent, name))
        old = parent.children.get(name)
        both = entry.kind is Kind.DIRECTORY and old is not None and old.entry.kind is Kind.DIRECTORY
        node = Node(entry, layer, self._depth, old.children if old is not None and both else {}, content)
        parent.children[name] = node
        if old is not None and not both:
            self._drop(old, Loss("replaced", entry.path, node))

    def _linked(self, entry: Entry) -> tuple[Entry, Content | None]:
        """Give a hard link the mode, owner and content of its file, of which it is one more name."""
        target = self._resolve(entry.link, follow=False)
        if target is None or target.entry.kind is Kind.DIRECTORY:
            return entry, None
        if target.content is not None:
            target.content.names += 1
        link = replace(target.entry, path=entry.path, kind=Kind.HARDLINK, link=entry.link, size=0, device=(0, 0))
        return link, target.content


def whiteout_of(path: str) -> tuple[str, str | None] | None:
    """Give the directory and the name that a whiteout at *path* hides, None for all in it; None for no whiteout."""
    name = path.rpartition("/")[2]
    if not name.startswith(_WHITEOUT):
        return None
    directory = path[: -len(name)].rstrip("/")
    if name == _OPAQUE:
        return directory, None
    return None if f"/{name}".startswith(_AUFS) else (directory, name.removeprefix(_WHITEOUT))


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
