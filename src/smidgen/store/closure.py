"""What a document leads to: indexes to manifests, manifests to configurations and layers.

Source: OCI image-spec v1.1.1, ``image-index.md`` and ``manifest.md``.
"""

from collections.abc import Iterable, Iterator

import msgspec

from smidgen.errors import DigestMismatch, NotFound, SizeMismatch
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.manifest import MAX_DOCUMENT
from smidgen.oci.media_types import INDEXES, MANIFESTS
from smidgen.store.content import ContentStore


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
        if found.media_type in MANIFESTS | INDEXES and not children(store, found):
            return False
    return True
