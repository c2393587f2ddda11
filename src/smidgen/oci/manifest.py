"""Manifests and indexes.

Source: OCI image-spec v1.1.1, ``manifest.md`` and ``image-index.md``.

A document that was fetched is decoded from its bytes and never encoded again: its digest is that
of the bytes. ``encode`` is for documents that smidgen itself makes, and is canonical: fields in the
order declared here, annotations sorted by key, no white space.
"""

from typing import Literal, TypeVar

import msgspec

from smidgen.errors import InvalidContent, LimitExceeded
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.media_types import INDEXES, MANIFESTS, OCI_INDEX, OCI_MANIFEST

#: The size that registries must accept for a manifest, in bytes (distribution-spec, "Pushing Manifests").
MAX_DOCUMENT = 4 * 1024 * 1024


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One image for one platform."""

    schema_version: Literal[2]
    media_type: str = ""
    artifact_type: str | None = None
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None


class Index(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Several manifests, one a platform as a rule."""

    schema_version: Literal[2]
    media_type: str = ""
    artifact_type: str | None = None
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None


_Document = TypeVar("_Document", Manifest, Index)


def encode(document: Manifest | Index) -> bytes:
    """Render *document* to its canonical bytes."""
    return msgspec.json.encode(document, order="deterministic")


def decode_manifest(data: bytes, *, media_type: str = OCI_MANIFEST) -> Manifest:
    """Parse the bytes of a manifest.

    Raises:
        InvalidContent: Not a manifest; the reason has the JSON path.
        LimitExceeded: Larger than ``MAX_DOCUMENT``.
    """
    _check_kind(data, media_type, MANIFESTS, "image manifest")
    manifest = _decode(data, Manifest, "image manifest")
    _check_media_type(manifest.media_type, media_type, "image manifest")
    return manifest


def decode_index(data: bytes, *, media_type: str = OCI_INDEX) -> Index:
    """Parse the bytes of an index.

    Raises:
        InvalidContent: Not an index; the reason has the JSON path.
        LimitExceeded: Larger than ``MAX_DOCUMENT``.
    """
    _check_kind(data, media_type, INDEXES, "image index")
    index = _decode(data, Index, "image index")
    _check_media_type(index.media_type, media_type, "image index")
    return index


def _check_kind(data: bytes, media_type: str, kinds: frozenset[str], what: str) -> None:
    if media_type not in kinds:
        raise InvalidContent(what, f"media type is {media_type!r}, expected one of {', '.join(sorted(kinds))}")
    if len(data) > MAX_DOCUMENT:
        raise LimitExceeded(f"size of the {what} in bytes", limit=MAX_DOCUMENT, got=len(data))


def _check_media_type(inside: str, outside: str, what: str) -> None:
    # A document whose own mediaType differs from its descriptor's can be read two ways by two
    # clients (CVE-2021-41190): refuse it rather than choose.
    if inside and inside != outside:
        raise InvalidContent(what, f"mediaType is {inside!r}, its descriptor says {outside!r}")


def _decode(data: bytes, shape: type[_Document], what: str) -> _Document:
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidContent(what, str(error)) from error
