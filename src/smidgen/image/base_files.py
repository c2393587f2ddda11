"""The files of a base: what is in it already, and where in it a path of ours really is.

Reading all layers of a base takes a second for a large one, and gives the same each time, so what came of it
is kept beside the store's content, by the digests of the layers.
"""

import hashlib
import posixpath
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from smidgen.errors import DigestMismatch, NotFound
from smidgen.image.base import BaseImage
from smidgen.image.filetree import FileTree, Node, below
from smidgen.image.image import Image
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.tar_reader import Limits, read_tar
from smidgen.oci.digest import DiffID, Digest, DigestField, encoded, sha256
from smidgen.store.replace import keep_file
from smidgen.store.sizes import remember_size

# Part of every key: raised when what is kept changes its form.
_FORMAT: Final = 1
_KEPT_FILES: Final = ("etc/passwd", "etc/group")
_MAX_FILE: Final = 16 << 20
_MAX_HOPS: Final = 40
_LIMITS: Final = Limits(entries=1_000_000)
_DRAIN: Final = 1 << 20


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    link: str
    size: int
    layer: DigestField | None
    depth: int


class _Facts(msgspec.Struct, frozen=True, array_like=True):
    nodes: list[_Kept]
    contents: dict[str, bytes]


class BaseFiles:
    """The files of one base. They are read when they are first asked for, unless somebody else has read them."""

    def __init__(self, base: BaseImage, known: tuple[FileTree, dict[str, bytes]] | None = None) -> None:
        self.base = base
        self._known = known

    @property
    def tree(self) -> FileTree:
        """All files, laid one on the other."""
        return self._read[0]

    def find(self, path: str) -> Node | None:
        """Give what is at *path*, through symbolic links, or None."""
        tree = self.tree
        try:
            return tree.find(path)
        except NotFound:
            return None

    def is_file(self, path: str) -> bool:
        """Tell whether a file with something in it is at *path*."""
        node = self.find(path)
        return node is not None and node.entry.kind in {Kind.FILE, Kind.HARDLINK} and self._size(node) > 0

    def read(self, path: str) -> bytes | None:
        """Give the content of the file at *path*; None where there is none, or one of over 16 MiB.

        Raises:
            ContentError: A layer is absent or damaged.
        """
        node = self._file(path)
        if node is None or node.layer is None or node.entry.size > _MAX_FILE:
            return None
        contents = self._read[1]
        if node.entry.path not in contents:
            contents[node.entry.path] = _content(self.base.image, node)
        return contents[node.entry.path]

    def real_path(self, path: str) -> str:
        """Give *path* with every link to a directory on the way replaced, in the form of ``Entry.path``.

        A layer that had ``lib`` as a directory, where the base has a link to ``usr/lib``, would hide all
        that the link leads to. What is not there yet stays as it is.
        """
        *parents, name = path.split("/")
        waiting, trail, new = parents[::-1], [self.tree.root], list[str]()
        hops = 0
        while waiting:
            part = waiting.pop()
            node = None if new else trail[-1].children.get(part)
            if part == "..":
                trail, new = (trail, new[:-1]) if new else (trail[:-1] or trail, new)
            elif node is None or node.entry.kind not in {Kind.SYMLINK, Kind.DIRECTORY}:
                new.append(part)
            elif node.entry.kind is Kind.DIRECTORY:
                trail.append(node)
            elif (hops := hops + 1) > _MAX_HOPS:
                return path
            else:
                trail = [self.tree.root] if node.entry.link.startswith("/") else trail
                waiting += [one for one in node.entry.link.split("/") if one not in {"", "."}][::-1]
        return posixpath.join(trail[-1].entry.path, *new, name)

    def placed(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Give *entries* at the places where a container of the base finds their paths."""
        for entry in entries:
            link = self.real_path(entry.link) if entry.kind is Kind.HARDLINK else entry.link
            path = self.real_path(entry.path) if entry.path else ""
            yield entry if (path, link) == (entry.path, entry.link) else replace(entry, path=path, link=link)

    @cached_property
    def directories(self) -> tuple[Entry, ...]:
        """Directories of the base that are not simply 0755 and root's: a layer of ours must not change them."""
        return tuple(
            Entry.directory(node.entry.path, mode=node.entry.mode, uid=node.entry.uid, gid=node.entry.gid)
            for node in below(self.tree.root, deep=True)
            if node.entry.kind is Kind.DIRECTORY and (node.entry.mode, node.entry.uid, node.entry.gid) != (0o755, 0, 0)
        )

    @cached_property
    def key(self) -> str:
        """Names the places that ``placed`` gives: equal keys give equal places."""
        links = [
            (node.entry.path, node.entry.link)
            for node in below(self.tree.root, deep=True)
            if node.entry.kind is Kind.SYMLINK and self._leads_to_directory(node)
        ]
        return sha256(repr(links).encode("utf-8", "surrogateescape")) if links else ""

    def _leads_to_directory(self, node: Node) -> bool:
        found = self.find(node.entry.path)
        return found is None or found.entry.kind is Kind.DIRECTORY

    def _file(self, path: str) -> Node | None:
        """Give the file at *path*; of a hard link, the file that it is one more name of."""
        node = self.find(path)
        for _ in range(_MAX_HOPS):
            if node is None or node.entry.kind is not Kind.HARDLINK:
                break
            node = self.find(node.entry.link)
        return node if node is not None and node.entry.kind is Kind.FILE else None

    def _size(self, node: Node) -> int:
        found = self._file(node.entry.path)
        return found.entry.size if found is not None else 0

    @cached_property
    def _read(self) -> tuple[FileTree, dict[str, bytes]]:
        if self._known is not None:
            return self._known
        path = _place(self.base)
        with suppress(OSError, msgspec.DecodeError, ValueError):
            facts = msgspec.msgpack.decode(path.read_bytes(), type=_Facts)
            return _restored(facts.nodes), dict(facts.contents)
        tree, contents = _read_layers(self.base)
        _keep(path, _Facts([_kept(node) for node in below(tree.root, deep=True)], contents))
        return tree, contents


def _read_layers(base: BaseImage) -> tuple[FileTree, dict[str, bytes]]:
    """Read all layers once: their files, the content of the few that are kept, their sizes and digests.

    Raises:
        ContentError: A layer is absent, damaged, or not what the configuration says.
    """
    tree = FileTree()
    found: dict[tuple[str, Digest], bytes] = {}
    for layer, diff_id in zip(base.layers, base.diff_ids, strict=True):

        def entries(stream: BinaryIO, digest: Digest = layer.digest) -> Iterator[Entry]:
            for member in read_tar(stream, limits=_LIMITS):
                entry = member.entry
                if entry.path in _KEPT_FILES and entry.kind is Kind.FILE and entry.size <= _MAX_FILE:
                    found[entry.path, digest] = member.read()
                yield entry

        with base.image.open_layer(layer) as compressed:
            stream = _Examined(compressed)
            tree.apply(entries(cast("BinaryIO", stream)), layer.digest)
            stream.finish(diff_id, base.name)
        # Whoever shows the image's size would have to decompress it again.
        remember_size(base.image.store, layer, stream.size)
    contents = {}
    for name in _KEPT_FILES:
        with suppress(NotFound):
            node = tree.find(name, follow=False)
            if node.layer is not None and (name, node.layer) in found:
                contents[name] = found[name, node.layer]
    return tree, contents


class _Examined:
    """A stream that takes the digest and the size of all that is read through it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._sha256.update(data)
        self.size += len(data)
        return data

    def finish(self, diff_id: DiffID, name: str) -> None:
        """Read what is left, and check the digest of the whole.

        Raises:
            DigestMismatch: The layer is not what the configuration says.
        """
        while self.read(_DRAIN):
            pass
        if (got := "sha256:" + self._sha256.hexdigest()) != diff_id:
            raise DigestMismatch(want=diff_id, got=got, what=f"uncompressed layer of {name}")


def _content(image: Image, node: Node) -> bytes:
    """Read a file from the layer that has it; the layer is checked to its end."""
    layer = next(one for one in image.layers if one.digest == node.layer)
    data = b""
    with image.open_layer(layer) as stream:
        for member in read_tar(stream):
            if _is_same(member.entry, node.entry):
                data = member.read()
        while stream.read(_DRAIN):
            pass
    return data


def _is_same(found: Entry, wanted: Entry) -> bool:
    # A link to a directory may stand on the way in the layer, so that only name and size are the same.
    return (
        found.kind is Kind.FILE
        and found.size == wanted.size
        and posixpath.basename(found.path) == posixpath.basename(wanted.path)
        and (found.path == wanted.path or found.mode == wanted.mode)
    )


def _place(base: BaseImage) -> Path:
    key = "\n".join([str(_FORMAT), *(layer.digest for layer in base.layers)])
    return base.image.store.root / "cache" / "bases" / encoded(sha256(key.encode()))


def _kept(node: Node) -> _Kept:
    entry = node.entry
    return _Kept(
        path=entry.path,
        kind=entry.kind.value,
        mode=entry.mode,
        uid=entry.uid,
        gid=entry.gid,
        link=entry.link,
        size=entry.size,
        layer=node.layer,
        depth=node.depth,
    )


def _restored(kept: Iterable[_Kept]) -> FileTree:
    tree = FileTree()
    nodes = {"": tree.root}
    for one in kept:
        entry = Entry(
            path=one.path,
            kind=Kind(one.kind),
            mode=one.mode,
            uid=one.uid,
            gid=one.gid,
            link=one.link,
            size=one.size,
        )
        directory, name = posixpath.split(one.path)
        node = nodes[one.path] = Node(entry, Digest(one.layer) if one.layer else None, one.depth)
        nodes[directory].children[name] = node
    return tree


def _keep(path: Path, facts: _Facts) -> None:
    """Write *facts*; a cache that cannot be written is no error."""
    # A path that is not UTF-8 cannot be kept: such a base is read each time.
    with suppress(ValueError):
        keep_file(path, msgspec.msgpack.encode(facts))
