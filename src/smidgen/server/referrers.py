"""What speaks of a manifest: signatures, lists of parts, anything with a ``subject``.

Source: distribution-spec v1.1.1, "Listing Referrers".
"""

import os
import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.manifest import MAX_DOCUMENT, Index, encode
from smidgen.oci.media_types import OCI_INDEX
from smidgen.server.answer import Answer
from smidgen.server.documents import find_document
from smidgen.server.listing import next_page
from smidgen.server.names import parse_content_digest, parse_repository
from smidgen.store.blobs import Blobs
from smidgen.store.content import ContentStore

# The rest of an index around its entries, with room to spare. Bytes.
_FRAME: Final = 1 << 10


class Referrers:
    """Finds referrers by looking at each blob of the store once: whoever stored it, it is found."""

    def __init__(self, store: ContentStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        #: What each blob that was looked at speaks of.
        self._subjects: dict[Digest, Digest | None] = {}

    def of(self, name: str, text: str, query: Mapping[str, str]) -> Answer:
        """List what speaks of one manifest, which need not be here itself.

        Raises:
            Refusal: A wrong name or digest.
        """
        parse_repository(name)
        subject = parse_content_digest(text)
        wanted = query.get("artifactType", "")
        last = query.get("last", "")
        page: list[Descriptor] = []
        size = _FRAME
        more: dict[str, str] = {}
        for digest in self._find(subject):
            entry = self._describe(digest)
            if digest <= last or entry is None or (wanted and entry.artifact_type != wanted):
                continue
            size += len(encode(_index((entry,))))
            if page and size > MAX_DOCUMENT:
                after = {"artifactType": wanted} if wanted else {}
                more = next_page(f"/v2/{name}/referrers/{subject}", {**after, "last": page[-1].digest})
                break
            page.append(entry)
        headers = {"Content-Type": OCI_INDEX, **more, **({"OCI-Filters-Applied": "artifactType"} if wanted else {})}
        return Answer(HTTPStatus.OK, headers, encode(_index(tuple(page))))

    def _find(self, subject: Digest) -> list[Digest]:
        with self._lock:
            there = Blobs(self._store.root).digests()
            for digest in self._subjects.keys() - there.keys():
                del self._subjects[digest]
            for digest, size in there.items():
                if digest not in self._subjects:
                    self._subjects[digest] = self._subject_of(digest, size)
            return sorted(digest for digest, found in self._subjects.items() if found == subject)

    def _subject_of(self, digest: Digest, size: int) -> Digest | None:
        if size > MAX_DOCUMENT:
            return None
        try:
            with open(self._store.blob_path(digest), "rb", buffering=0) as file:
                # Documents are objects; this spares reading small layers whole.
                if os.pread(file.fileno(), 1, 0) != b"{":
                    return None
        except FileNotFoundError:
            return None
        document = find_document(self._store, digest)
        subject = document.value.subject if document else None
        return subject.digest if subject else None

    def _describe(self, digest: Digest) -> Descriptor | None:
        document = find_document(self._store, digest)
        if document is None:
            return None
        return Descriptor(
            media_type=document.descriptor.media_type,
            digest=digest,
            size=document.descriptor.size,
            artifact_type=document.artifact_type or None,
            annotations=document.value.annotations,
        )


def _index(entries: tuple[Descriptor, ...]) -> Index:
    return Index(schema_version=2, media_type=OCI_INDEX, manifests=entries)
