"""What travels: a manifest or index, the documents that it leads to, and the blobs that these name.

The same for what comes from a registry and from the store; only how a document is read differs. Every document is
untrusted, so counts, depth and bytes are bounded.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from smidgen.errors import InvalidContent, LimitExceeded, NotFound
from smidgen.oci.config import decode_config
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.manifest import MAX_DOCUMENT, decode_index, decode_manifest, encode
from smidgen.oci.media_types import CONFIGS, FOREIGN_LAYERS, INDEXES, MANIFESTS
from smidgen.oci.platform import Platform
from smidgen.store.closure import Document, read_document

_MAX_DOCUMENTS: Final = 1000
_MAX_DEPTH: Final = 4
_MAX_BYTES: Final = 32 << 20
_MAX_BLOBS: Final = 10_000

#: Reads documents by their descriptors, checked, in the order asked for.
Reader = Callable[[Sequence[Descriptor]], list[bytes]]


@dataclass(frozen=True, slots=True)
class Tree:
    """All that has to be there for its root to be whole.

    Attributes:
        root: The manifest or index.
        documents: Root and below, children before parents, each with its bytes.
        blobs: Configurations and layers, each once, the largest first.
    """

    root: Descriptor
    documents: tuple[tuple[Descriptor, bytes], ...]
    blobs: tuple[Descriptor, ...]

    @property
    def data(self) -> bytes:
        """The bytes of the root."""
        return self.documents[-1][1]


class Gatherer:
    """Collects trees within one set of bounds."""

    def __init__(self, read: Reader, place: str = "") -> None:
        """Collect what *read* gives; *place* is where that comes from, for messages."""
        self._read = read
        self._place = place
        self._known: dict[Digest, bytes] = {}
        self._bytes = 0

    def know(self, descriptor: Descriptor, data: bytes) -> None:
        """Take note of a document that was read elsewhere and checked there."""
        self._known[descriptor.digest] = data
        self._bytes += len(data)

    def tree(self, root: Descriptor, *, sparse: Sequence[Descriptor] | None = None) -> Tree:
        """Collect what *root* leads to.

        Args:
            root: A manifest or index.
            sparse: Of an index, go on with these manifests only.

        Raises:
            LimitExceeded: There is more than any image has.
            InvalidContent: A document is none.
        """
        ordered: dict[Digest, Descriptor] = {}
        blobs: dict[Digest, Descriptor] = {}
        level: list[Descriptor] = [root]
        for _ in range(_MAX_DEPTH + 1):
            if not level:
                break
            self.load(level)
            below: dict[Digest, Descriptor] = {}
            for descriptor in level:
                # Later again where a deeper level names it too: then it is somebody's child there.
                ordered.pop(descriptor.digest, None)
                ordered[descriptor.digest] = descriptor
                documents, found = self._children(descriptor)
                if sparse is not None and descriptor.digest == root.digest:
                    documents = tuple(sparse)
                below.update((child.digest, child) for child in documents)
                blobs.update((blob.digest, blob) for blob in found)
            if len(blobs) > _MAX_BLOBS:
                raise LimitExceeded(f"number of blobs of {root.digest}", limit=_MAX_BLOBS, got=len(blobs))
            level = list(below.values())
        else:
            if level:
                raise LimitExceeded(f"depth of index {root.digest}", limit=_MAX_DEPTH)
        return Tree(
            root,
            tuple((descriptor, self._known[descriptor.digest]) for descriptor in reversed(ordered.values())),
            tuple(sorted(blobs.values(), key=lambda blob: (-blob.size, blob.digest))),
        )

    def images(self, root: Descriptor) -> list[Descriptor]:
        """List the single images of an index and of the indexes in it; what is no image is left out."""
        found: list[Descriptor] = []
        level = [root]
        for _ in range(_MAX_DEPTH + 1):
            indexes = [entry for entry in level if entry.media_type in INDEXES]
            found += [entry for entry in level if entry.media_type in MANIFESTS and _is_image(entry)]
            if not indexes:
                return found
            self.load(indexes)
            level = [child for index in indexes for child in self._children(index)[0]]
        raise LimitExceeded(f"depth of index {root.digest}", limit=_MAX_DEPTH)

    def load(self, descriptors: Iterable[Descriptor]) -> None:
        """Read documents that have not been read yet."""
        missing = list({one.digest: one for one in descriptors if one.digest not in self._known}.values())
        for descriptor in missing:
            if descriptor.size > MAX_DOCUMENT:
                raise LimitExceeded(f"size of {descriptor.digest} in bytes", limit=MAX_DOCUMENT, got=descriptor.size)
        if len(self._known) + len(missing) > _MAX_DOCUMENTS:
            raise LimitExceeded("number of manifests", limit=_MAX_DOCUMENTS, got=len(self._known) + len(missing))
        total = self._bytes + sum(descriptor.size for descriptor in missing)
        if total > _MAX_BYTES:
            raise LimitExceeded("size of all manifests in bytes", limit=_MAX_BYTES, got=total)
        for descriptor, data in zip(missing, self._read(missing) if missing else (), strict=True):
            self.know(descriptor, data)

    def data(self, descriptor: Descriptor) -> bytes:
        """Give the bytes of a document."""
        self.load((descriptor,))
        return self._known[descriptor.digest]

    def _children(self, descriptor: Descriptor) -> tuple[tuple[Descriptor, ...], tuple[Descriptor, ...]]:
        """Give the documents and the blobs that a document names."""
        try:
            return self._named(descriptor)
        except InvalidContent as error:
            where = f" of {self._place}" if self._place else ""
            raise InvalidContent(f"manifest {descriptor.digest}{where}", error.reason, hint=error.hint) from error

    def _named(self, descriptor: Descriptor) -> tuple[tuple[Descriptor, ...], tuple[Descriptor, ...]]:
        data = self._known[descriptor.digest]
        media_type = descriptor.media_type
        if media_type in INDEXES:
            _check_single(descriptor, data)
            return decode_index(data, media_type=media_type).manifests, ()
        if media_type in MANIFESTS:
            _check_single(descriptor, data)
            manifest = decode_manifest(data, media_type=media_type)
            return (), tuple(blob for blob in (manifest.config, *manifest.layers) if not _is_foreign(blob))
        # A kind of manifest that is not known here travels as it is, with what it visibly names.
        document = read_document(data) or Document()
        return document.manifests, tuple(one for one in document.children if one not in document.manifests)


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for of a manifest or index.

    Attributes:
        root: What has to be there in the end.
        chosen: Of an index, the manifests that were picked; None for all.
    """

    root: Descriptor
    chosen: tuple[Descriptor, ...] | None = None


def select(gatherer: Gatherer, root: Descriptor, platforms: Sequence[Platform] | None, *, name: str) -> Selection:
    """Pick the images for *platforms*: one platform gives its manifest, several the index with these only.

    Args:
        gatherer: Reads the documents.
        root: A manifest or index.
        platforms: Which, or None for all.
        name: What people call it.

    Raises:
        NotFound: There is no image for one of them.
    """
    if platforms is None or root.media_type not in INDEXES:
        return Selection(root)
    images = gatherer.images(root)
    chosen = tuple(dict.fromkeys(_pick(images, platform.normalized(), name) for platform in platforms))
    if len(chosen) == 1:
        return Selection(msgspec.structs.replace(chosen[0], platform=None, annotations=None))
    return Selection(root, chosen)


def check_platform(
    gatherer: Gatherer,
    root: Descriptor,
    platforms: Sequence[Platform] | None,
    get: Callable[[Descriptor], bytes],
    *,
    name: str,
) -> None:
    """Check that *root*, if it is a single image, runs on one of *platforms*, as its configuration says.

    Args:
        gatherer: Reads the manifest.
        root: A manifest or index.
        platforms: Which, or None for any.
        get: Reads the configuration.
        name: What people call it.

    Raises:
        NotFound: It does not.
    """
    if platforms is None or root.media_type not in MANIFESTS:
        return
    config = decode_manifest(gatherer.data(root), media_type=root.media_type).config
    if config.media_type not in CONFIGS:
        return
    platform = decode_config(get(config)).platform
    if not any(_runs(platform, wanted.normalized()) for wanted in platforms):
        wanted = ", ".join(map(str, platforms))
        raise NotFound(f"platform {wanted} in {name}", hint=f"it is a single image for {platform}")


def narrowed(data: bytes, root: Descriptor, chosen: Sequence[Descriptor]) -> tuple[Descriptor, bytes]:
    """Make a new index of *chosen*, with the annotations of the index *root*; the same one if that is all of it."""
    index = decode_index(data, media_type=root.media_type)
    if list(index.manifests) == list(chosen):
        return root, data
    made = encode(msgspec.structs.replace(index, manifests=tuple(chosen)))
    return Descriptor.of(made, media_type=root.media_type), made


def distinct(trees: Iterable[Tree]) -> Iterator[tuple[Descriptor, bytes]]:
    """Give the documents of several trees, each once, children first."""
    seen: set[Digest] = set()
    for tree in trees:
        for descriptor, data in tree.documents:
            if descriptor.digest not in seen:
                seen.add(descriptor.digest)
                yield descriptor, data


def _pick(images: Sequence[Descriptor], wanted: Platform, name: str) -> Descriptor:
    best: Descriptor | None = None
    variant = ""
    for image in images:
        platform = image.platform.normalized() if image.platform else None
        if platform is not None and _runs(platform, wanted) and (best is None or platform.variant > variant):
            best, variant = image, platform.variant
    if best is None:
        there = ", ".join(str(image.platform.normalized()) for image in images if image.platform) or "none"
        raise NotFound(f"platform {wanted} in {name}", hint=f"it has {there}; choose one with --platform")
    return best


def _runs(image: Platform, machine: Platform) -> bool:
    # "" < "v2" < "v3" as texts; a machine also runs the lower variants of its architecture.
    return (image.os, image.architecture) == (machine.os, machine.architecture) and image.variant <= machine.variant


def _is_image(entry: Descriptor) -> bool:
    return not (entry.platform and entry.platform.os == "unknown")


def _is_foreign(layer: Descriptor) -> bool:
    """Tell what its owner does not allow to be passed on: it stays where its URLs say, as with other tools."""
    return bool(layer.urls) and layer.media_type in FOREIGN_LAYERS


def _check_single(descriptor: Descriptor, data: bytes) -> None:
    # What can be read as a manifest and as an index is two things to two clients (CVE-2021-41190).
    document = read_document(data)
    if document is not None and document.manifests and (document.layers or document.config):
        raise InvalidContent(f"manifest {descriptor.digest}", "both a manifest and an index")
