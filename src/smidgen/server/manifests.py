"""Manifests and indexes: given out, taken, deleted.

Source: distribution-spec v1.1.1, "Pulling manifests", "Pushing Manifests", "Deleting tags", "Deleting Manifests".
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from smidgen.errors import DigestMismatch, NotFound, SizeMismatch
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.manifest import MAX_DOCUMENT
from smidgen.oci.reference import Reference
from smidgen.server.answer import Answer
from smidgen.server.body import Body
from smidgen.server.documents import Document, find_document, media_type_of, parse_document, parts
from smidgen.server.lease import Lease
from smidgen.server.names import parse_content_digest, parse_repository, parse_tag
from smidgen.server.ranges import is_known
from smidgen.server.refusal import Refusal, digest_invalid, manifest_invalid, manifest_unknown, unsupported
from smidgen.server.roots import Roots
from smidgen.store.blobs import CHUNK
from smidgen.store.closure import DOCUMENTS
from smidgen.store.content import ContentStore

_SHOWN: Final = 5


class Manifests:
    """The manifests of the store, as a registry has them."""

    def __init__(self, store: ContentStore, roots: Roots, lease: Lease) -> None:
        self._store = store
        self._roots = roots
        self._lease = lease

    def get(self, name: str, reference: str, headers: Mapping[str, str]) -> Answer:
        """Give out one manifest, by tag or digest.

        Raises:
            Refusal: It is not here, or of no type that the client accepts.
        """
        document = find_document(self._store, self._resolve(name, reference))
        if document is None:
            raise manifest_unknown(name, reference)
        descriptor = document.descriptor
        if not _is_accepted(headers.get("accept", ""), descriptor.media_type):
            raise manifest_unknown(name, reference, f"is {descriptor.media_type}, which the request does not accept")
        etag = f'"{descriptor.digest}"'
        shown = {"Docker-Content-Digest": descriptor.digest, "ETag": etag}
        if is_known(headers, etag):
            return Answer(HTTPStatus.NOT_MODIFIED, shown)
        return Answer(HTTPStatus.OK, {"Content-Type": descriptor.media_type, **shown}, document.data)

    def put(self, name: str, reference: str, headers: Mapping[str, str], body: Body) -> Answer:
        """Take a manifest whose content is all here.

        Raises:
            Refusal: It is not well formed, or not whole, or another one than its digest says.
        """
        repository = parse_repository(name)
        wanted = parse_content_digest(reference) if ":" in reference else None
        tag = "" if wanted else parse_tag(reference)
        data = body.read(MAX_DOCUMENT)
        if data is None:
            raise Refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "MANIFEST_INVALID", f"a manifest has up to {MAX_DOCUMENT} bytes"
            )
        document = parse_document(data, _pushed_type(headers.get("content-type", ""), data))
        descriptor = document.descriptor
        if wanted is not None and wanted != descriptor.digest:
            raise digest_invalid(f"the manifest has digest {descriptor.digest}, the request says {wanted}")
        with self._lease.working(), self._lease.changing:
            below = self._check_whole(document)
            self._store.put(data, media_type=descriptor.media_type)
            self._name(document, _tagged(repository, tag) if tag else None, below)
            self._lease.settle((*below, descriptor.digest))
        answer = {"Location": f"/v2/{name}/manifests/{descriptor.digest}", "Docker-Content-Digest": descriptor.digest}
        if document.value.subject is not None:
            answer["OCI-Subject"] = document.value.subject.digest
        return Answer(HTTPStatus.CREATED, answer)

    def delete(self, name: str, reference: str) -> Answer:
        """Delete a tag; or a manifest with all its tags in this repository, and its bytes if no other image has it.

        Raises:
            Refusal: It is not here, or another image of this repository needs it.
        """
        repository = parse_repository(name)
        if ":" not in reference:
            if not self._roots.remove_tag(_tagged(repository, parse_tag(reference))):
                raise manifest_unknown(name, reference)
            return Answer(HTTPStatus.ACCEPTED)
        digest = parse_content_digest(reference)
        with self._lease.deleting():
            if find_document(self._store, digest) is None:
                raise manifest_unknown(name, reference)
            removed = self._roots.remove(repository, digest)
            user = self._roots.leading_to(digest)
            if user is None:
                self._roots.delete((digest,))
            elif not removed:
                raise unsupported(f"manifest {digest} is part of {user}: delete that first")
        self._lease.settle((digest,))
        return Answer(HTTPStatus.ACCEPTED)

    def _resolve(self, name: str, reference: str) -> Digest:
        repository = parse_repository(name)
        if ":" in reference:
            return parse_content_digest(reference)
        entry = self._roots.tags().get(_tagged(repository, parse_tag(reference)))
        if entry is None:
            raise manifest_unknown(name, reference)
        return entry.digest

    def _check_whole(self, document: Document) -> tuple[Digest, ...]:
        """Give the digests of all that *document* leads to, which must be stored."""
        there: list[Digest] = []
        missing: list[Descriptor] = []
        for found, is_there in parts(self._store, document):
            if is_there:
                there.append(found.digest)
            else:
                self._check_size(found)
                missing.append(found)
        if missing:
            names = ", ".join(found.digest for found in missing[:_SHOWN])
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise Refusal(
                HTTPStatus.NOT_FOUND, "MANIFEST_BLOB_UNKNOWN", f"push what the manifest needs first: {names}{more}"
            )
        return tuple(there)

    def _check_size(self, descriptor: Descriptor) -> None:
        """See why a blob that is there counts as missing: the manifest is wrong, or the blob is damaged and goes."""
        size = self._store.stat(descriptor.digest)
        if size is None or size == descriptor.size:
            return
        real = Descriptor(media_type="", digest=descriptor.digest, size=size)
        try:
            with self._store.open_blob(real) as stream:
                while stream.read(CHUNK):
                    pass
        except DigestMismatch:
            self._roots.delete((descriptor.digest,))
        except (NotFound, SizeMismatch):
            return
        else:
            raise manifest_invalid(f"blob {descriptor.digest} has {size} bytes, the manifest says {descriptor.size}")

    def _name(self, document: Document, reference: Reference | None, below: tuple[Digest, ...]) -> None:
        """Tag it; without a tag keep it, but for what speaks of a manifest that is here: that lives as long as this."""
        subject = document.value.subject
        if reference is None and subject is not None and self._store.stat(subject.digest) is not None:
            return
        self._roots.add(document.descriptor, reference, below)


def _tagged(repository: Reference, tag: str) -> Reference:
    return Reference(registry=repository.registry, repository=repository.repository, tag=tag)


def _is_accepted(accept: str, media_type: str) -> bool:
    # Weights do not matter: there is one form of each manifest.
    ranges = {one.partition(";")[0].strip().lower() for one in accept.split(",")} - {""}
    return not ranges or bool(ranges & {"*/*", "application/*", media_type})


def _pushed_type(content_type: str, data: bytes) -> str:
    media_type = content_type.partition(";")[0].strip().lower() or media_type_of(data) or "of no known type"
    if media_type not in DOCUMENTS:
        raise manifest_invalid(f"the manifest is {media_type}, expected one of {', '.join(sorted(DOCUMENTS))}")
    return media_type
