"""Manifests and indexes of the store, found by digest, and whether they are whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from smidgen.errors import DigestMismatch, InvalidContent, LimitExceeded, NotFound, SizeMismatch
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.manifest import MAX_DOCUMENT, Index, Manifest, decode_index, decode_manifest
from smidgen.oci.media_types import INDEXES, MANIFESTS, OCI_INDEX, OCI_MANIFEST
from smidgen.server.refusal import manifest_invalid
from smidgen.store.closure import DOCUMENTS
from smidgen.store.content import ContentStore

_MAX_PARTS: Final = 100_000
#: Layers that registries need not have (image-spec, "Non-Distributable Layers").
_FOREIGN: Final = (
    "application/vnd.oci.image.layer.nondistributable.",
    "application/vnd.docker.image.rootfs.foreign.diff.",
)


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or an index with its bytes.

    Attributes:
        descriptor: What it is.
        data: Its bytes.
        value: What they say.
    """

    descriptor: Descriptor
    data: bytes
    value: Manifest | Index

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """What it needs directly."""
        if isinstance(self.value, Index):
            return self.value.manifests
        return (self.value.config, *self.value.layers)

    @property
    def artifact_type(self) -> str:
        """What it is, for lists of referrers (distribution-spec, "Listing Referrers")."""
        if isinstance(self.value, Index):
            return self.value.artifact_type or ""
        return self.value.artifact_type or self.value.config.media_type


class _Kind(msgspec.Struct, frozen=True, rename="camel"):
    schema_version: int = 0
    media_type: str = ""
    config: msgspec.Raw = msgspec.Raw()
    manifests: msgspec.Raw = msgspec.Raw()


def media_type_of(data: bytes) -> str | None:
    """Tell of what media type a document is by what it says itself; None where it is no image's."""
    try:
        kind = msgspec.json.decode(data, type=_Kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if kind.media_type or kind.schema_version != 2:
        return kind.media_type if kind.media_type in DOCUMENTS else None
    if bytes(kind.manifests):
        return OCI_INDEX
    return OCI_MANIFEST if bytes(kind.config) else None


def parse_document(data: bytes, media_type: str) -> Document:
    """Parse what a client pushes.

    Raises:
        Refusal: Not what its media type says.
    """
    try:
        if media_type in MANIFESTS:
            value: Manifest | Index = decode_manifest(data, media_type=media_type)
        else:
            value = decode_index(data, media_type=media_type)
    except (InvalidContent, LimitExceeded) as error:
        raise manifest_invalid(error.message) from None
    return Document(Descriptor.of(data, media_type=media_type), data, value)


def find_document(store: ContentStore, digest: Digest) -> Document | None:
    """Read the manifest or index *digest*; None where there is none, or what is there is damaged."""
    size = store.stat(digest)
    if size is None or size > MAX_DOCUMENT:
        return None
    try:
        data = store.get(Descriptor(media_type="", digest=digest, size=size))
        media_type = media_type_of(data)
        if media_type in MANIFESTS:
            value: Manifest | Index = decode_manifest(data, media_type=media_type)
        elif media_type in INDEXES:
            value = decode_index(data, media_type=media_type)
        else:
            return None
    except (NotFound, SizeMismatch, DigestMismatch, InvalidContent):
        return None
    return Document(Descriptor(media_type=media_type, digest=digest, size=size), data, value)


def parts(store: ContentStore, document: Document) -> Iterator[tuple[Descriptor, bool]]:
    """Give all that *document* leads to, each digest once, and whether it is stored with its right size.

    Raises:
        Refusal: There is no end to it.
    """
    seen: set[Digest] = set()
    waiting = list(document.children)
    while waiting:
        found = waiting.pop()
        if found.digest in seen:
            continue
        seen.add(found.digest)
        if len(seen) > _MAX_PARTS:
            raise manifest_invalid(f"it leads to over {_MAX_PARTS} blobs")
        if not store.has(found):
            yield found, found.media_type.startswith(_FOREIGN)
            continue
        if found.media_type in DOCUMENTS:
            child = find_document(store, found.digest)
            if child is None or child.descriptor.media_type != found.media_type:
                yield found, False
                continue
            waiting.extend(child.children)
        yield found, True
