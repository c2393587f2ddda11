"""Reads the layers of an image once: what each brings, what is left in the end, and what was lost on the way.

A byte is wasted where a later layer took its last name away: it is stored and fetched, and no container can read it.
So the copy that is kept is no waste; a directory that a later layer deletes is, with all below it; and a file with
several hard links is wasted once, when the last of them goes.

Source: OCI image-spec v1.1.1, ``layer.md`` ("Whiteouts", "Hardlinks").
"""

import hashlib
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal, NamedTuple, cast

from smidgen.image.filetree import Content, FileTree, Loss, Node
from smidgen.image.history import history_steps
from smidgen.image.image import Image
from smidgen.layer.tar_reader import Limits, Member, read_tar
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import DiffID

_PIECE: Final = 1 << 20
_ELF: Final = b"\x7fELF"
_MAX_FILES: Final = 1_000_000


class Wasted(NamedTuple):
    """A file that no container can read. Layers are numbered from 0, the bottom one.

    Attributes:
        path: Where it was, in the form of ``Entry.path``.
        size: Its bytes.
        made: The layer that brought it.
        lost: The layer that took its last name away; the same one where it brings a path twice.
        how: How that was done.
        cause: What was replaced, deleted or hidden: its path, or a directory above it.
        is_same: Whether what replaced it has the same content, so that only owner, mode or time changed.
    """

    path: str
    size: int
    made: int
    lost: int
    how: Literal["replaced", "deleted", "opaque"]
    cause: str
    is_same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerContent:
    """A layer, as it is stored and as it is seen.

    Attributes:
        descriptor: Of what is stored.
        created_by: What made it, as the image's history says; may be empty.
        size: Bytes of the uncompressed tar.
        files: Number of files that have content, hard links not counted.
        content: Bytes of these files.
        wasted: Those of them that no container can read.
    """

    descriptor: Descriptor
    diff_id: DiffID
    created_by: str
    size: int
    files: int
    content: int
    wasted: int

    @property
    def wasted_pull(self) -> int:
        """What the wasted bytes take as they are stored, estimated."""
        return self.pull_of(self.wasted)

    def pull_of(self, content: int) -> int:
        """Give what *content* bytes of files take as they are stored: their share of the layer, so an estimate."""
        return round(self.descriptor.size * content / self.size) if self.size else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageContent:
    """What is in a single image.

    Attributes:
        tree: The files as a container sees them, each with the digest of its content.
        layers: Bottom first.
        wasted: In the order in which it was lost.
        executables: Digests of what looks like an executable (ELF), as ``Content.digest`` has them.
    """

    tree: FileTree
    layers: tuple[LayerContent, ...]
    wasted: tuple[Wasted, ...]
    executables: frozenset[bytes]

    @property
    def content(self) -> int:
        """Bytes of all files of all layers."""
        return sum(layer.content for layer in self.layers)

    @property
    def wasted_size(self) -> int:
        """Bytes of these that no container can read."""
        return sum(layer.wasted for layer in self.layers)

    @property
    def wasted_pull(self) -> int:
        """What they take as they are stored, estimated."""
        return sum(layer.wasted_pull for layer in self.layers)

    @property
    def efficiency(self) -> float:
        """The share of the content that a container can read, from 0 to 1; 1 for an image without content."""
        content = self.content
        return 1 - self.wasted_size / content if content else 1.0


def read_content(image: Image) -> ImageContent:
    """Read all layers of a single image.

    Raises:
        ContentError: A layer is absent, damaged or hostile, or there are more than a million files.
    """
    walk = _Walk(image)
    for at in range(len(image.layers)):
        walk.read_layer(at)
    return walk.result()


class _Walk:
    def __init__(self, image: Image) -> None:
        self._image = image
        self._layers = image.layers
        self._tree = FileTree(self._lose)
        self._at = 0
        self._wasted: list[Wasted] = []
        self._sizes: list[int] = []
        self._files = [0] * len(self._layers)
        self._content = [0] * len(self._layers)
        self._executables: set[bytes] = set()

    def read_layer(self, at: int) -> None:
        """Lay layer number *at* over those below."""
        self._at = at
        layer = self._layers[at]
        self._tree.begin()
        with self._image.open_layer(layer) as opened:
            stream = _Counted(opened)
            for member in read_tar(cast("BinaryIO", stream), limits=Limits(entries=_MAX_FILES)):
                entry = member.entry
                digest = b""
                if entry.size:
                    digest = self._read(member)
                    self._files[at] += 1
                    self._content[at] += entry.size
                self._tree.take(entry, layer.digest, digest=digest)
            # The digest is checked at the end of the stream, and a tar ends before it.
            while stream.read(_PIECE):
                pass
        self._sizes.append(stream.count)

    def _read(self, member: Member) -> bytes:
        """Read the content, and give its digest."""
        data = member.read(_PIECE)
        is_executable = data.startswith(_ELF)
        sha256 = hashlib.sha256(data)
        if member.entry.size > _PIECE:
            while data := member.read(_PIECE):
                sha256.update(data)
        digest = sha256.digest()
        if is_executable:
            self._executables.add(digest)
        return digest

    def _lose(self, node: Node, content: Content, loss: Loss) -> None:
        by = loss.by.content if loss.by is not None and loss.path == node.entry.path else None
        is_same = by is not None and (by.size, by.digest) == (content.size, content.digest)
        path = node.entry.path
        self._wasted.append(Wasted(path, content.size, content.depth, self._at, loss.how, loss.path, is_same))

    def result(self) -> ImageContent:
        """Put together what was read."""
        wasted = [0] * len(self._layers)
        for one in self._wasted:
            wasted[one.made] += one.size
        made_by = {at: step.created_by for step, at in history_steps(self._image) if at is not None}
        layers = tuple(
            LayerContent(
                descriptor=layer,
                diff_id=diff_id,
                created_by=made_by[at],
                size=self._sizes[at],
                files=self._files[at],
                content=self._content[at],
                wasted=wasted[at],
            )
            for at, (layer, diff_id) in enumerate(zip(self._layers, self._image.diff_ids, strict=True))
        )
        return ImageContent(
            tree=self._tree, layers=layers, wasted=tuple(self._wasted), executables=frozenset(self._executables)
        )


class _Counted:
    """A stream that counts what is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._read = stream.read
        self.count = 0

    def read(self, size: int) -> bytes:
        data = self._read(size)
        self.count += len(data)
        return data
