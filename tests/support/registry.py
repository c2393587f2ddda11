"""A registry in memory that does what the specification says, with the freedoms that it leaves.

Source: OCI distribution-spec v1.1.1.
"""

import hashlib
import json
import re
import threading
import urllib.parse
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from support.registry_wire import Answer, Drop, Request

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_LONG = 60
_NAME = r"(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}\Z")


@dataclass(frozen=True)
class Habits:
    """What one registry does and another does not.

    Attributes:
        mounts: Mounts a blob of another repository, else takes an upload instead (202).
        referrers: Has the referrers API, else 404, and no OCI-Subject.
        deletes: Deletes, else 405.
        ranges: Answers parts of blobs, else always the whole.
        relative: Locations are paths, with a query.
        moving: Each answer to an upload gives a new Location, and the old one is gone.
        chunk_minimum: OCI-Chunk-Min-Length in bytes, 0 for none.
        page: Tags a page at most, 0 for all.
        digest_header: Whether Docker-Content-Digest is sent.
        strict: Whether the blobs of a manifest must be there before it.
        keeps: Whether it keeps what came of a part of an upload that broke off, and forgets it otherwise.
        holds: When so many bytes of a part of an upload have come, nothing is read until ``goes_on`` is set.
        goes_on: See ``holds``; a test that fails before it comes to that is waited for a minute.
    """

    mounts: bool = True
    referrers: bool = True
    deletes: bool = True
    ranges: bool = True
    relative: bool = False
    moving: bool = False
    chunk_minimum: int = 0
    page: int = 0
    digest_header: bool = True
    strict: bool = True
    keeps: bool = False
    holds: int | None = None
    goes_on: threading.Event = field(default_factory=threading.Event, compare=False)


@dataclass
class Upload:
    """A blob on its way in."""

    name: str
    data: bytearray = field(default_factory=bytearray)


class Refused(Exception):
    """An error as the specification has it."""

    def __init__(self, status: int, code: str, message: str, *headers: tuple[str, str]) -> None:
        super().__init__(message)
        self.answer = error(status, code, message, *headers)


def digest_of(data: bytes | bytearray) -> str:
    """Digest *data*."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def error(status: int, code: str, message: str, *headers: tuple[str, str]) -> Answer:
    """Make an answer of the specification's form for errors."""
    body = json.dumps({"errors": [{"code": code, "message": message, "detail": None}]}).encode()
    return Answer(status, (("Content-Type", "application/json"), *headers), body)


class Registry:
    """Repositories in memory; a service for ``serving``, safe for many threads.

    Attributes:
        blobs: Digest → bytes.
        links: (repository, digest) of what a repository has.
        manifests: (repository, digest) → media type and bytes.
        tags: Repository → tag → digest.
        uploads: Those that are neither finished nor given up.
        mounted: (repository, digest) in the order of mounting.
    """

    def __init__(self, habits: Habits | None = None) -> None:
        self.habits = habits or Habits()
        self.blobs: dict[str, bytes] = {}
        self.links: set[tuple[str, str]] = set()
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.uploads: dict[str, Upload] = {}
        self.mounted: list[tuple[str, str]] = []
        self._guard = threading.RLock()
        self._routes: list[tuple[re.Pattern[str], Callable[[Request, re.Match[str]], Answer]]] = [
            (re.compile(r"^/v2/?$"), lambda _request, _found: Answer(200, (_VERSION,), b"{}")),
            (re.compile(rf"^/v2/{_NAME}/blobs/uploads/$"), self._start),
            (re.compile(rf"^/v2/{_NAME}/blobs/uploads/(?P<upload>[a-z0-9-]+)$"), self._upload),
            (re.compile(rf"^/v2/{_NAME}/blobs/(?P<digest>[^/]+)$"), self._blob),
            (re.compile(rf"^/v2/{_NAME}/manifests/(?P<reference>[^/]+)$"), self._manifest),
            (re.compile(rf"^/v2/{_NAME}/tags/list$"), self._tags),
            (re.compile(rf"^/v2/{_NAME}/referrers/(?P<digest>[^/]+)$"), self._referrers),
        ]

    def __call__(self, request: Request) -> Answer:
        """Answer *request*."""
        for pattern, answer in self._routes:
            if found := pattern.match(urllib.parse.unquote(request.path)):
                try:
                    return answer(request, found)
                except Refused as refused:
                    return refused.answer
        return error(404, "NOT_FOUND", "no such page")

    # Putting things in from a test

    def add_blob(self, name: str, data: bytes) -> str:
        """Put a blob into a repository."""
        digest = digest_of(data)
        with self._guard:
            self.blobs[digest] = data
            self.links.add((name, digest))
        return digest

    def add_manifest(self, name: str, data: bytes, *tags: str, media_type: str = MANIFEST) -> str:
        """Put a document into a repository, unchecked."""
        digest = digest_of(data)
        with self._guard:
            self.manifests[name, digest] = (media_type, data)
            for tag in tags:
                self.tags.setdefault(name, {})[tag] = digest
        return digest

    # Blobs

    def _blob(self, request: Request, found: re.Match[str]) -> Answer:
        name, digest = found["name"], found["digest"]
        if not _DIGEST.match(digest):
            raise Refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        with self._guard:
            if (name, digest) not in self.links:
                raise Refused(404, "BLOB_UNKNOWN", "blob unknown to registry")
            data = self.blobs[digest]
            if request.method == "DELETE":
                self._may_delete()
                self.links.discard((name, digest))
                return Answer(202)
        headers = (("Content-Type", "application/octet-stream"), *self._digest(digest), ("Accept-Ranges", "bytes"))
        wanted = re.match(r"bytes=(\d+)-(\d*)$", request.headers.get("Range") or "")
        if not wanted or not self.habits.ranges or request.method == "HEAD":
            return Answer(200, headers, data)
        first, last = int(wanted[1]), min(int(wanted[2] or len(data) - 1), len(data) - 1)
        if first >= len(data):
            return Answer(416, (("Content-Range", f"bytes */{len(data)}"),))
        return Answer(206, (*headers, ("Content-Range", f"bytes {first}-{last}/{len(data)}")), data[first : last + 1])

    def _start(self, request: Request, found: re.Match[str]) -> Answer:
        name, query = found["name"], request.query
        if request.method != "POST":
            raise Refused(405, "UNSUPPORTED", "the operation is unsupported")
        body = request.body
        with self._guard:
            mount = query.get("mount", "")
            if mount and self.habits.mounts and (query.get("from", ""), mount) in self.links:
                self.links.add((name, mount))
                self.mounted.append((name, mount))
                return self._created(name, mount)
            identity = str(uuid.uuid4())
            self.uploads[identity] = upload = Upload(name, bytearray(body))
            if query.get("digest"):
                return self._finish(identity, upload, query["digest"])
            minimum = self.habits.chunk_minimum
            extra = (("OCI-Chunk-Min-Length", str(minimum)),) if minimum else ()
            return Answer(202, (*self._progress(identity, upload), *extra))

    def _upload(self, request: Request, found: re.Match[str]) -> Answer:
        body = self._received(request, found)
        with self._guard:
            identity = found["upload"]
            upload = self.uploads.get(identity)
            if upload is None or upload.name != found["name"]:
                raise Refused(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
            match request.method:
                case "GET":
                    return Answer(204, self._progress(identity, upload, stay=True))
                case "DELETE":
                    del self.uploads[identity]
                    return Answer(204)
                case "PATCH":
                    self._append(request, identity, upload, body, last=False)
                    return Answer(202, self._progress(identity, upload))
                case "PUT":
                    self._append(request, identity, upload, body, last=True)
                    return self._finish(identity, upload, request.query.get("digest", ""))
        raise Refused(405, "UNSUPPORTED", "the operation is unsupported")

    def _received(self, request: Request, found: re.Match[str]) -> bytes:
        body = bytearray()
        try:
            for piece in request.pieces():
                body += piece
                if self.habits.holds is not None and len(body) >= self.habits.holds:
                    self.habits.goes_on.wait(_LONG)
        except (Drop, OSError):
            with self._guard:
                if self.habits.keeps and (upload := self.uploads.get(found["upload"])):
                    upload.data += body
            raise
        return bytes(body)

    def _append(self, request: Request, identity: str, upload: Upload, body: bytes, *, last: bool) -> None:
        if request.headers.get("Content-Range"):
            first, _, end = request.headers["Content-Range"].removeprefix("bytes ").partition("-")
            right = int(first) == len(upload.data) and int(end) - int(first) + 1 == len(body)
            if not right:
                headers = self._progress(identity, upload, stay=True)
                raise Refused(416, "BLOB_UPLOAD_INVALID", "the chunk does not follow", *headers)
            if not last and len(body) < self.habits.chunk_minimum:
                raise Refused(416, "BLOB_UPLOAD_INVALID", "the chunk is too short")
        upload.data += body

    def _finish(self, identity: str, upload: Upload, digest: str) -> Answer:
        if digest_of(upload.data) != digest:
            del self.uploads[identity]
            raise Refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        del self.uploads[identity]
        self.add_blob(upload.name, bytes(upload.data))
        return self._created(upload.name, digest)

    def _created(self, name: str, digest: str) -> Answer:
        return Answer(201, (("Location", f"/v2/{name}/blobs/{digest}"), *self._digest(digest)))

    def _progress(self, identity: str, upload: Upload, *, stay: bool = False) -> tuple[tuple[str, str], ...]:
        if self.habits.moving and not stay:
            self.uploads[fresh := str(uuid.uuid4())] = self.uploads.pop(identity)
            identity = fresh
        query = "?state=a%2Bb%3D%3D&x=1" if self.habits.relative else ""
        return (
            ("Location", f"/v2/{upload.name}/blobs/uploads/{identity}{query}"),
            ("Range", f"0-{max(len(upload.data) - 1, 0)}"),
            ("Docker-Upload-UUID", identity),
        )

    # Manifests

    def _manifest(self, request: Request, found: re.Match[str]) -> Answer:
        name, reference = found["name"], found["reference"]
        if request.method == "PUT":
            return self._put_manifest(request, name, reference)
        with self._guard:
            tags = self.tags.get(name, {})
            digest = reference if ":" in reference else tags.get(reference, "")
            if (name, digest) not in self.manifests:
                raise Refused(404, "MANIFEST_UNKNOWN", "manifest unknown")
            if request.method == "DELETE":
                self._may_delete()
                return self._delete_manifest(name, reference)
            media_type, data = self.manifests[name, digest]
        return Answer(200, (("Content-Type", media_type), *self._digest(digest)), data)

    def _delete_manifest(self, name: str, reference: str) -> Answer:
        if ":" in reference:
            del self.manifests[name, reference]
            self.tags[name] = {tag: at for tag, at in self.tags.get(name, {}).items() if at != reference}
        else:
            del self.tags[name][reference]
        return Answer(202)

    def _put_manifest(self, request: Request, name: str, reference: str) -> Answer:
        data = request.body
        try:
            document = json.loads(data)
        except ValueError:
            raise Refused(400, "MANIFEST_INVALID", "manifest invalid: not JSON") from None
        media_type = request.headers.get("Content-Type") or ""
        if document.get("mediaType", media_type) != media_type:
            raise Refused(400, "MANIFEST_INVALID", "manifest invalid: mediaType")
        if ":" in reference and reference != digest_of(data):
            raise Refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        with self._guard:
            if self.habits.strict:
                self._check_children(name, document)
            digest = self.add_manifest(name, data, *(() if ":" in reference else (reference,)), media_type=media_type)
        subject = document.get("subject")
        extra = (("OCI-Subject", subject["digest"]),) if subject and self.habits.referrers else ()
        return Answer(201, (("Location", f"/v2/{name}/manifests/{digest}"), *self._digest(digest), *extra))

    def _check_children(self, name: str, document: dict[str, object]) -> None:
        parts = [document.get("config"), *_list(document.get("layers"))]
        for part in parts:
            if isinstance(part, dict) and not part.get("urls") and (name, part["digest"]) not in self.links:
                raise Refused(400, "MANIFEST_BLOB_UNKNOWN", f"blob unknown to registry: {part['digest']}")
        for part in _list(document.get("manifests")):
            if isinstance(part, dict) and (name, part["digest"]) not in self.manifests:
                raise Refused(400, "MANIFEST_BLOB_UNKNOWN", f"manifest unknown: {part['digest']}")

    # Lists

    def _tags(self, request: Request, found: re.Match[str]) -> Answer:
        name = found["name"]
        with self._guard:
            if name not in self.tags:
                raise Refused(404, "NAME_UNKNOWN", "repository name not known to registry")
            tags = sorted(self.tags[name])
        tags = [tag for tag in tags if tag > request.query.get("last", "")]
        size = min(int(request.query.get("n") or len(tags)), self.habits.page or len(tags))
        page = tags[:size]
        headers = [("Content-Type", "application/json")]
        if len(page) < len(tags) and page:
            headers.append(("Link", f'</v2/{name}/tags/list?n={size}&last={page[-1]}>; rel="next"'))
        return Answer(200, tuple(headers), json.dumps({"name": name, "tags": page}).encode())

    def _referrers(self, request: Request, found: re.Match[str]) -> Answer:
        if not self.habits.referrers:
            raise Refused(404, "NOT_FOUND", "no such page")
        wanted = request.query.get("artifactType")
        with self._guard:
            candidates = [
                (digest, media_type, data)
                for (name, digest), (media_type, data) in self.manifests.items()
                if name == found["name"]
            ]
        listed = [one for one in (_referrer(found["digest"], *one) for one in candidates) if one]
        headers = [("Content-Type", INDEX)]
        if wanted:
            listed = [one for one in listed if one["artifactType"] == wanted]
            headers.append(("OCI-Filters-Applied", "artifactType"))
        body = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}
        return Answer(200, tuple(headers), json.dumps(body).encode())

    # Small things

    def _digest(self, digest: str) -> tuple[tuple[str, str], ...]:
        return (("Docker-Content-Digest", digest),) if self.habits.digest_header else ()

    def _may_delete(self) -> None:
        if not self.habits.deletes:
            raise Refused(405, "UNSUPPORTED", "the operation is unsupported")


_VERSION = ("Docker-Distribution-Api-Version", "registry/2.0")


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _referrer(subject: str, digest: str, media_type: str, data: bytes) -> dict[str, object] | None:
    document = json.loads(data)
    if not isinstance(document, dict) or (document.get("subject") or {}).get("digest") != subject:
        return None
    kind = document.get("artifactType") or (document.get("config") or {}).get("mediaType")
    found = {"mediaType": media_type, "digest": digest, "size": len(data), "artifactType": kind}
    return found | ({"annotations": document["annotations"]} if document.get("annotations") else {})
