"""Documents of the store that refer to others: signatures, lists of parts, provenance.

Source: OCI image-spec v1.1.1, ``manifest.md`` and ``image-index.md`` ("subject", "artifactType").
"""

from collections.abc import Collection
from typing import Final

import msgspec

from smidgen.errors import ContentError
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest, sha256
from smidgen.oci.manifest import MAX_DOCUMENT
from smidgen.oci.media_types import INDEXES, OCI_INDEX, OCI_MANIFEST
from smidgen.store.content import ContentStore

#: Signatures of signatures, and no further.
MAX_DEPTH: Final = 3


class _Referring(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = ""
    artifact_type: str | None = None
    config: Descriptor | None = None
    manifests: tuple[Descriptor, ...] | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None


def described(data: bytes, media_type: str = "") -> tuple[Digest, Descriptor] | None:
    """Give the subject of a manifest or index, and its own entry in a list of referrers; None without a subject."""
    try:
        document = msgspec.json.decode(data, type=_Referring)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if document.subject is None:
        return None
    kind = media_type or document.media_type or (OCI_INDEX if document.manifests is not None else OCI_MANIFEST)
    artifact_type = document.artifact_type
    if not artifact_type and kind not in INDEXES and document.config is not None:
        artifact_type = document.config.media_type
    return document.subject.digest, Descriptor(
        media_type=kind,
        digest=sha256(data),
        size=len(data),
        artifact_type=artifact_type or None,
        annotations=document.annotations,
    )


def stored_referrers(store: ContentStore, subjects: Collection[Digest]) -> tuple[Descriptor, ...]:
    """Give the documents of *store* that refer to any of *subjects*, those that refer to these, and so on.

    Every small file of the store is looked at, as nothing points from a subject to its referrers.
    """
    all_of_them = [found for digest, size in store.sizes().items() if (found := _read(store, digest, size))]
    wanted, given = set(subjects), {}
    for _ in range(MAX_DEPTH):
        new = {entry.digest: entry for subject, entry in all_of_them if subject in wanted and entry.digest not in given}
        given.update(new)
        wanted = set(new)
    return tuple(given.values())


def _read(store: ContentStore, digest: Digest, size: int) -> tuple[Digest, Descriptor] | None:
    if size > MAX_DOCUMENT:
        return None
    try:
        with store.blob_path(digest).open("rb") as file:
            # Documents are objects; this spares reading small layers whole.
            if file.read(1) != b"{":
                return None
        data = store.get(Descriptor(media_type="", digest=digest, size=size))
    except (OSError, ContentError):
        return None
    return described(data) if b'"subject"' in data else None
