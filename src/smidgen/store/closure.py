"""What a document leads to: indexes to manifests, manifests to configurations and layers.

Source: OCI image-spec v1.1.1, ``image-index.md`` and ``manifest.md``.
"""

from collections.abc import Iterable, Iterator

import msgspec

from smidgen.errors import DigestMismatch, NotFound, SizeMismatch
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.manifest import MAX_DOCUMENT, decode_index, decode_manifest
from smidgen.oci.media_types import INDEXES, MANIFESTS
from smidgen.store.content import ContentStore

DOCUMENTS = INDEXES | MANIFESTS


class Document(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The parts of any manifest or index that point elsewhere. ``blobs`` is the artifact manifest's of 2022."""

    schema_version: int = 0
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    manifests: tuple[Descriptor, ...] = ()
    blobs: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """What is needed to have it whole; the subject is not, it is what the document speaks of."""
        config = () if self.config is None else (self.config,)
        return (*self.manifests, *config, *self.layers, *self.blobs)


def read_document(data: bytes) -> Document | None:
    """Decode *data* if it is a manifest or index of any kind, else give None."""
    try:
        document = msgspec.json.decode(data, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return document if document.children or document.subject else None


def children(store: ContentStore, descriptor: Descriptor) -> tuple[Descriptor, ...]:
    """Give what *descriptor* leads to directly: nothing for a layer, or for a document that is not there whole."""
    if descriptor.size > MAX_DOCUMENT or not descriptor.media_type.endswith("json"):
        return ()
    try:
        document = read_document(store.get(descriptor))
    except (NotFound, SizeMismatch, DigestMismatch):
        return ()
    return () if document is None else document.children


def walk(store: ContentStore, roots: Iterable[Descriptor]) -> Iterator[Descriptor]:
    """Give *roots* and all that they lead to, each digest once, parents first."""
    seen: set[Digest] = set()
    waiting = list(roots)[::-1]
    while waiting:
        descriptor = waiting.pop()
        if descriptor.digest in seen:
            continue
        seen.add(descriptor.digest)
        yield descriptor
        waiting.extend(reversed(children(store, descriptor)))


def is_whole(store: ContentStore, descriptor: Descriptor) -> bool:
    """Tell whether all that *descriptor* leads to is stored: a few system calls for each blob."""
    for found in walk(store, (descriptor,)):
        if not store.has(found):
            return False
        if found.media_type in DOCUMENTS and not children(store, found):
            return False
    return True


def held(store: ContentStore, roots: Iterable[Descriptor]) -> tuple[Descriptor, ...]:
    """Give all blobs that *roots* lead to, parents first; they must be stored.

    An index may lack images of platforms that nobody fetched, as long as it has one.

    Raises:
        NotFound: A blob is not stored.
        InvalidContent: A manifest or index is none.
    """
    found: dict[Digest, Descriptor] = {}
    waiting = list(roots)[::-1]
    while waiting:
        descriptor = waiting.pop()
        if descriptor.digest in found:
            continue
        if not store.has(descriptor):
            raise NotFound(f"blob {descriptor.digest}", hint="the image is not whole: build, load or fetch it again")
        found[descriptor.digest] = descriptor
        _check(store, descriptor)
        below = children(store, descriptor)
        if descriptor.media_type in INDEXES:
            below = tuple(child for child in below if store.has(child)) or below
        waiting.extend(reversed(below))
    return tuple(found.values())


def _check(store: ContentStore, descriptor: Descriptor) -> None:
    if descriptor.media_type in MANIFESTS:
        decode_manifest(store.get(descriptor), media_type=descriptor.media_type)
    elif descriptor.media_type in INDEXES:
        decode_index(store.get(descriptor), media_type=descriptor.media_type)
