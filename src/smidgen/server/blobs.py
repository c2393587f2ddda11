"""Blobs: given out whole or in part, and deleted.

Source: distribution-spec v1.1.1, "Pulling blobs", "Deleting Blobs"; RFC 9110 for parts.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

from smidgen.errors import StoreError
from smidgen.server.answer import Answer, Span
from smidgen.server.lease import Lease
from smidgen.server.names import parse_content_digest, parse_repository
from smidgen.server.ranges import is_known, wanted
from smidgen.server.refusal import blob_unknown, unsupported
from smidgen.server.roots import Roots
from smidgen.store.content import ContentStore


class Blobs:
    """The blobs of the store: all repositories have all of them."""

    def __init__(self, store: ContentStore, roots: Roots, lease: Lease) -> None:
        self._store = store
        self._roots = roots
        self._lease = lease

    def get(self, name: str, text: str, headers: Mapping[str, str], *, rely: bool) -> Answer:
        """Give out a blob, from the file; who fetches it checks it.

        Args:
            name: Of the repository.
            text: The digest.
            headers: Of the request.
            rely: The client may name the blob in a manifest because of this answer.

        Raises:
            Refusal: It is not here, or nothing of the wanted range is.
        """
        parse_repository(name)
        digest = parse_content_digest(text)
        if rely and self._store.stat(digest) is not None:
            # Where the store cannot be written nothing can be pushed, and nothing need be kept for that.
            with suppress(StoreError):
                self._lease.rely(digest)
        try:
            file = self._store.blob_path(digest).open("rb", buffering=0)
        except FileNotFoundError:
            raise blob_unknown(digest) from None
        try:
            size = os.fstat(file.fileno()).st_size
            etag = f'"{digest}"'
            shown = {"Docker-Content-Digest": digest, "ETag": etag, "Accept-Ranges": "bytes"}
            if is_known(headers, etag):
                file.close()
                return Answer(HTTPStatus.NOT_MODIFIED, shown)
            shown |= {"Content-Type": "application/octet-stream", "Cache-Control": "max-age=31536000, immutable"}
            part = wanted(headers, size, etag)
        except BaseException:
            file.close()
            raise
        if part is None:
            return Answer(HTTPStatus.OK, shown, span=Span(file, 0, size))
        first, count = part
        shown["Content-Range"] = f"bytes {first}-{first + count - 1}/{size}"
        return Answer(HTTPStatus.PARTIAL_CONTENT, shown, span=Span(file, first, count))

    def delete(self, name: str, text: str) -> Answer:
        """Delete a blob that no image has.

        Raises:
            Refusal: It is not here, or an image has it.
        """
        parse_repository(name)
        digest = parse_content_digest(text)
        if self._store.stat(digest) is None:
            raise blob_unknown(digest)
        with self._lease.deleting():
            user = self._roots.leading_to(digest)
            if user is not None:
                raise unsupported(f"blob {digest} is part of {user}: delete that first")
            self._roots.delete((digest,))
        self._lease.settle((digest,))
        return Answer(HTTPStatus.ACCEPTED)
