"""The document that says what steps came to, for builds on other machines.

A cache is an OCI manifest of ``ARTIFACT``: its configuration is the document, and its layers are those that the
document names, so that a registry keeps them while it keeps the manifest. An image that carries its own cache has the
document as an annotation. Nothing in it is text of the user's but the ids of cache mounts: keys are digests.
"""

from typing import Annotated, Final, Literal

import msgspec

from smidgen.errors import InvalidContent, LimitExceeded
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import DiffID, DiffIDField, DigestField, chain_id, encoded
from smidgen.oci.manifest import MAX_DOCUMENT
from smidgen.oci.media_types import LAYER_COMPRESSION

#: What a manifest that is a cache says that it is.
ARTIFACT: Final = "application/vnd.smidgen.build.cache.v1+json"
#: The media type of the document.
DOCUMENT: Final = "application/vnd.smidgen.build.cache.config.v1+json"
#: The annotation of an image's manifest that has the document.
INLINE: Final = "dev.smidgen.build.cache.v1"

_MAX_STEPS: Final = 20_000
_MAX_SOURCES: Final = 1_000
_MAX_MOUNTS: Final = 256
_MAX_LAYER: Final = 1 << 40
_MAX_ID: Final = 4096
_HEX: Final = msgspec.Meta(pattern=r"^[a-f0-9]{64}\Z")
_NAME: Final = msgspec.Meta(pattern=r"^([a-f0-9]{64})?\Z")
_NUMBER: Final = msgspec.Meta(pattern=r"^[0-9]{1,6}\Z")


class CachedLayer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A packed layer.

    Attributes:
        media_type: Says how it is compressed.
        digest: Of the stored bytes.
        size: Of the stored bytes.
        diff_id: Of the tar.
    """

    media_type: str
    digest: DigestField
    size: Annotated[int, msgspec.Meta(ge=0, le=_MAX_LAYER)]
    diff_id: DiffIDField

    @classmethod
    def of(cls, descriptor: Descriptor, diff_id: DiffID) -> "CachedLayer":
        """Say which layer it is."""
        return cls(media_type=descriptor.media_type, digest=descriptor.digest, size=descriptor.size, diff_id=diff_id)

    @property
    def descriptor(self) -> Descriptor:
        """The blob."""
        return Descriptor(media_type=self.media_type, digest=self.digest, size=self.size)


class CachedStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What one step came to.

    Attributes:
        key: Of the step.
        content: Its key by the content of the files that it takes from another stage, or empty.
        parent: The chain id, without the algorithm, of what it was done on; empty for nothing.
        sources: Number of each stage that it took files from → name of what that had given.
        format: What decided the bytes of the layer beside the files in it.
        layer: What it laid over its parent.
    """

    key: Annotated[str, _HEX]
    content: Annotated[str, _NAME] = ""
    parent: Annotated[str, _NAME] = ""
    sources: Annotated[dict[Annotated[str, _NUMBER], Annotated[str, _NAME]], msgspec.Meta(max_length=_MAX_SOURCES)] = {}
    format: Annotated[str, msgspec.Meta(max_length=200)]
    layer: CachedLayer

    @property
    def name(self) -> str:
        """The chain id of what it came to, so that nothing else has this name whoever wrote the document."""
        return chained(self.parent, self.layer.diff_id)


class CachedMount(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A directory that commands keep.

    Attributes:
        id: As ``RUN --mount=type=cache`` has it.
        layer: What is in it.
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=_MAX_ID)]
    layer: CachedLayer


class CacheDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All of a cache; ``version`` is raised when an older smidgen would read something wrong."""

    version: Literal[1] = msgspec.field(name="schemaVersion")
    steps: Annotated[tuple[CachedStep, ...], msgspec.Meta(max_length=_MAX_STEPS)] = ()
    mounts: Annotated[tuple[CachedMount, ...], msgspec.Meta(max_length=_MAX_MOUNTS)] = ()

    @property
    def layers(self) -> tuple[CachedLayer, ...]:
        """Each layer once, in the order of the document."""
        layers = [*(one.layer for one in self.steps), *(one.layer for one in self.mounts)]
        return tuple(dict.fromkeys(layers))


def chained(parent: str, diff_id: DiffID) -> str:
    """Give the chain id of a layer on what *parent* names; both without the algorithm."""
    below = (DiffID(f"sha256:{parent}"),) if parent else ()
    found = chain_id((*below, diff_id))
    assert found is not None  # noqa: S101
    return encoded(found)


def document_of(steps: tuple[CachedStep, ...], mounts: tuple[CachedMount, ...] = ()) -> CacheDocument:
    """Make a document; of several steps with the same key the first counts."""
    once = {(one.key, one.parent): one for one in reversed(steps)}
    return CacheDocument(version=1, steps=tuple(reversed(once.values())), mounts=mounts)


def encode_document(document: CacheDocument) -> bytes:
    """Render it; the same content gives the same bytes.

    Raises:
        LimitExceeded: It is larger than what will be read.
    """
    data = msgspec.json.encode(document, order="deterministic")
    if len(data) > MAX_DOCUMENT:
        raise LimitExceeded("size of the cache's document in bytes", limit=MAX_DOCUMENT, got=len(data))
    return data


def decode_document(data: bytes) -> CacheDocument:
    """Parse what anybody may have written.

    Raises:
        InvalidContent: It is no such document, or of a version that is not known here.
        LimitExceeded: It is too large.
    """
    what = "document of a build cache"
    if len(data) > MAX_DOCUMENT:
        raise LimitExceeded(f"size of the {what} in bytes", limit=MAX_DOCUMENT, got=len(data))
    try:
        document = msgspec.json.decode(data, type=CacheDocument)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidContent(what, str(error)) from error
    for one in document.layers:
        if one.media_type not in LAYER_COMPRESSION:
            raise InvalidContent(what, f"{one.media_type[:100]!r} is no layer's media type")
    return document
