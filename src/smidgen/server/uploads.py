"""Uploads of blobs: begun, continued, asked about, given up, and finished by their digest.

Source: distribution-spec v1.1.1, "Pushing blobs". An upload is a file in the store's ``ingest/`` and lives in this
process: after a restart its client is told that it is unknown, and begins again.
"""

import errno
import re
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from smidgen.errors import StoreError
from smidgen.oci.digest import Digest
from smidgen.server.answer import Answer
from smidgen.server.body import Body
from smidgen.server.lease import Lease
from smidgen.server.names import parse_content_digest, parse_repository
from smidgen.server.refusal import Refusal, digest_invalid
from smidgen.server.upload import Upload
from smidgen.store.content import ContentStore

_RANGE: Final = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]{1,18}|\*))?\Z")
_MAX_OPEN: Final = 500
_DIGESTING: Final = 8
#: Seconds.
_MAX_IDLE: Final = 3600.0
_TURN: Final = 5.0
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Uploads:
    """The uploads that are open."""

    def __init__(self, store: ContentStore, lease: Lease, max_size: int | None, *, max_idle: float = _MAX_IDLE) -> None:
        self._store = store
        self._lease = lease
        self._max_size = max_size
        self._max_idle = max_idle
        self._lock = threading.Lock()
        self._open: dict[str, Upload] = {}
        self._digesting = ThreadPoolExecutor(_DIGESTING, thread_name_prefix="serve-digest")

    def begin(self, name: str, query: Mapping[str, str], headers: Mapping[str, str], body: Body) -> Answer:
        """Begin an upload; or take it whole (``digest``); or find that it is here already (``mount``).

        Raises:
            Refusal: A wrong name or digest, or the content is not of that digest.
        """
        parse_repository(name)
        if query.get("from"):
            parse_repository(query["from"])
        if query.get("digest-algorithm", "sha256") != "sha256":
            raise digest_invalid("digests of other algorithms are not stored here: use sha256")
        if "mount" in query:
            # Every repository has all blobs, so it does not matter from where.
            digest = parse_content_digest(query["mount"])
            if self._store.stat(digest) is not None:
                self._lease.rely(digest)
                return _created(name, digest)
        wanted = parse_content_digest(query["digest"]) if "digest" in query else None
        upload = self._new(name)
        if wanted is None:
            return _progress(HTTPStatus.ACCEPTED, upload)
        try:
            with self._turn(upload):
                return self._finish(upload, wanted, headers, body)
        finally:
            # Where the connection broke nobody knows how to go on with it.
            self._forget(upload)

    def tell(self, name: str, identity: str) -> Answer:
        """Tell how far an upload has come."""
        return _progress(HTTPStatus.NO_CONTENT, self._find(name, identity))

    def append(self, name: str, identity: str, headers: Mapping[str, str], body: Body) -> Answer:
        """Take a further part.

        Raises:
            Refusal: It is not the next part.
        """
        upload = self._find(name, identity)
        with self._turn(upload):
            self._receive(upload, headers, body)
            return _progress(HTTPStatus.ACCEPTED, upload)

    def finish(
        self, name: str, identity: str, query: Mapping[str, str], headers: Mapping[str, str], body: Body
    ) -> Answer:
        """Take the last part, if there is one, and make the upload a blob.

        Raises:
            Refusal: It is another blob than its digest says.
        """
        upload = self._find(name, identity)
        if "digest" not in query:
            raise digest_invalid("the parameter digest is needed to finish an upload")
        wanted = parse_content_digest(query["digest"])
        with self._turn(upload):
            return self._finish(upload, wanted, headers, body)

    def cancel(self, name: str, identity: str) -> Answer:
        """Give an upload up."""
        upload = self._find(name, identity)
        with self._turn(upload):
            self._forget(upload)
        return Answer(HTTPStatus.NO_CONTENT)

    def expire(self) -> None:
        """Give up the uploads that nobody has continued for long."""
        oldest = time.monotonic() - self._max_idle
        with self._lock:
            idle = [upload for upload in self._open.values() if upload.used < oldest]
        for upload in idle:
            if upload.turn.acquire(blocking=False):
                try:
                    self._forget(upload)
                finally:
                    upload.turn.release()

    def close(self) -> None:
        """Give all of them up."""
        with self._lock:
            everything = list(self._open.values())
        for upload in everything:
            self._forget(upload)
        self._digesting.shutdown()

    def _new(self, name: str) -> Upload:
        upload = Upload(self._store, name)
        with self._lock:
            if len(self._open) < _MAX_OPEN:
                self._open[upload.identity] = upload
                return upload
        upload.close()
        raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, "TOOMANYREQUESTS", f"{_MAX_OPEN} uploads are open: finish some")

    def _find(self, name: str, identity: str) -> Upload:
        parse_repository(name)
        upload = self._open.get(identity)
        if upload is None or upload.repository != name:
            raise Refusal(HTTPStatus.NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "no such upload: begin another one")
        return upload

    def _forget(self, upload: Upload) -> None:
        with self._lock:
            self._open.pop(upload.identity, None)
        upload.close()

    @contextmanager
    def _turn(self, upload: Upload) -> Iterator[None]:
        """Be the only request that works on *upload*; one that hangs from before is waited for a little."""
        if not upload.turn.acquire(timeout=_TURN):
            raise Refusal(HTTPStatus.CONFLICT, "BLOB_UPLOAD_INVALID", "another request is writing to this upload")
        try:
            if upload.identity not in self._open:
                raise Refusal(HTTPStatus.NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "no such upload: begin another one")
            yield
        finally:
            upload.used = time.monotonic()
            upload.turn.release()

    def _receive(self, upload: Upload, headers: Mapping[str, str], body: Body) -> None:
        _check_part(upload, headers.get("content-range"), body.length)
        try:
            self._check_size(upload.size + (body.length or 0))
            upload.take(body, self._digesting, self._check_size)
        except StoreError as error:
            self._forget(upload)
            raise store_refusal(error) from error
        except Refusal:
            self._forget(upload)
            raise

    def _check_size(self, size: int) -> None:
        if self._max_size is not None and size > self._max_size:
            raise Refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "SIZE_INVALID", f"a blob may have {self._max_size} bytes here"
            )

    def _finish(self, upload: Upload, wanted: Digest, headers: Mapping[str, str], body: Body) -> Answer:
        if not body.finished:
            self._receive(upload, headers, body)
        if (got := upload.digest) != wanted:
            self._forget(upload)
            raise digest_invalid(f"the {upload.size} bytes of the upload have digest {got}, the request says {wanted}")
        with self._lease.working():
            try:
                upload.commit()
            except StoreError as error:
                raise store_refusal(error) from error
            finally:
                self._forget(upload)
            self._lease.rely(wanted)
        return _created(upload.repository, wanted)


def store_refusal(error: StoreError) -> Refusal:
    """Tell a client that the store could not be written; where it is on this machine is none of its business."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno in _FULL:
        return Refusal(HTTPStatus.INSUFFICIENT_STORAGE, "INSUFFICIENT_STORAGE", "the disk of the registry is full")
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "UNKNOWN", "the registry cannot use its store")


def _check_part(upload: Upload, content_range: str | None, length: int | None) -> None:
    """Check that what is sent is the next part, where the client says which part it is."""
    if content_range is None:
        return
    match = _RANGE.match(content_range.strip())
    if match is None:
        raise Refusal(HTTPStatus.BAD_REQUEST, "BLOB_UPLOAD_INVALID", "Content-Range is not FIRST-LAST, both in bytes")
    first, last = int(match[1]), int(match[2])
    if first != upload.size or last < first:
        raise Refusal(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            "BLOB_UPLOAD_INVALID",
            f"the next byte of this upload is {upload.size}, the request begins with {first}",
            headers=_place(upload),
        )
    if length is not None and length != last - first + 1:
        raise Refusal(HTTPStatus.BAD_REQUEST, "SIZE_INVALID", f"Content-Range does not mean {length} bytes as sent")


def _created(name: str, digest: Digest) -> Answer:
    return Answer(HTTPStatus.CREATED, {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})


def _progress(status: HTTPStatus, upload: Upload) -> Answer:
    return Answer(status, _place(upload))


def _place(upload: Upload) -> dict[str, str]:
    # An upload without a byte is at 0-0 too, as every registry has it.
    return {
        "Location": f"/v2/{upload.repository}/blobs/uploads/{upload.identity}",
        "Range": f"0-{max(upload.size - 1, 0)}",
        "Docker-Upload-UUID": upload.identity,
    }
