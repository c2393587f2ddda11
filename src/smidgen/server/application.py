"""From requests to answers: who may ask, what is asked for, and who answers it.

Source: distribution-spec v1.1.1, "Endpoints".
"""

from http import HTTPStatus
from typing import Final

from smidgen.server.answer import Answer
from smidgen.server.blobs import Blobs
from smidgen.server.body import Body
from smidgen.server.head import Head
from smidgen.server.lease import Lease
from smidgen.server.listing import json_answer, list_repositories, list_tags
from smidgen.server.manifests import Manifests
from smidgen.server.options import ServeOptions
from smidgen.server.referrers import Referrers
from smidgen.server.refusal import Refusal, unsupported
from smidgen.server.roots import Roots
from smidgen.server.uploads import Uploads
from smidgen.store.content import ContentStore

_BASE: Final = "/v2/"
_READS: Final = frozenset({"GET", "HEAD"})


class Application:
    """The registry, without its network."""

    def __init__(self, store: ContentStore, options: ServeOptions) -> None:
        self._options = options
        self._lease = Lease(store)
        self._roots = Roots(store)
        self._manifests = Manifests(store, self._roots, self._lease)
        self._blobs = Blobs(store, self._roots, self._lease)
        self._uploads = Uploads(store, self._lease, options.max_blob)
        self._referrers = Referrers(store)

    def answer(self, head: Head, body: Body) -> Answer:
        """Answer one request.

        Raises:
            Refusal: The answer is no.
        """
        self._admit(head)
        if head.path in {"/v2", _BASE}:
            _only(head, _READS)
            return json_answer({}, {})
        match head.path.removeprefix(_BASE).split("/") if head.path.startswith(_BASE) else []:
            case ["_catalog"] | [_, *_, "tags", "list"] | [_, *_, "referrers", _] as place:
                _only(head, _READS)
                return self._list(head, place)
            case [_, *_, "blobs", "uploads"] | [_, *_, "blobs", "uploads", _] as place:
                return self._upload(head, body, place)
            case [first, *rest, ("manifests" | "blobs") as kind, reference]:
                name = "/".join([first, *rest])
                if kind == "manifests":
                    return self._manifest(head, body, name, reference)
                return self._blob(head, name, reference)
        raise Refusal(
            HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "no such place: this is a registry, all of it is below /v2/"
        )

    def expire(self) -> None:
        """Give up what nobody has continued."""
        self._uploads.expire()
        self._lease.expire()

    def close(self) -> None:
        """Delete unfinished uploads, and let garbage collection in."""
        self._uploads.close()
        self._lease.close()

    def _admit(self, head: Head) -> None:
        account = self._options.account
        if account is not None and not account.admits(head.headers.get("authorization", "")):
            challenge = {"WWW-Authenticate": 'Basic realm="smidgen", charset="UTF-8"'}
            raise Refusal(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", "user and password are needed", headers=challenge)
        if head.method in _READS:
            return
        if self._options.read_only:
            raise unsupported("this registry is read-only", allow="GET, HEAD")
        if "origin" in head.headers:
            # A page in a browser reaches this machine's loopback; no client of registries sends an origin.
            raise Refusal(HTTPStatus.FORBIDDEN, "DENIED", "browsers do not push images")

    def _list(self, head: Head, place: list[str]) -> Answer:
        name = "/".join(place[:-2])
        if len(place) == 1:
            return list_repositories(self._roots, head.query)
        if place[-2] == "tags":
            return list_tags(self._roots, name, head.query)
        return self._referrers.of(name, place[-1], head.query)

    def _manifest(self, head: Head, body: Body, name: str, reference: str) -> Answer:
        match head.method:
            case "GET" | "HEAD":
                return self._manifests.get(name, reference, head.headers)
            case "PUT":
                return self._manifests.put(name, reference, head.headers, body)
            case "DELETE":
                return self._manifests.delete(name, reference)
        raise _not_allowed(head, "GET, HEAD, PUT, DELETE")

    def _blob(self, head: Head, name: str, digest: str) -> Answer:
        match head.method:
            case "GET":
                return self._blobs.get(name, digest, head.headers, rely=False)
            case "HEAD":
                # Who pushes asks so what it need not push. Parts are of GET alone (RFC 9110, 14.2).
                headers = {key: value for key, value in head.headers.items() if key != "range"}
                return self._blobs.get(name, digest, headers, rely=not self._options.read_only)
            case "DELETE":
                return self._blobs.delete(name, digest)
        raise _not_allowed(head, "GET, HEAD, DELETE")

    def _upload(self, head: Head, body: Body, place: list[str]) -> Answer:
        identity = place[-1] if place[-2] == "uploads" else ""
        name = "/".join(place[: -3 if place[-2] == "uploads" else -2])
        if not identity:
            _only(head, frozenset({"POST"}))
            return self._uploads.begin(name, head.query, head.headers, body)
        match head.method:
            case "GET" | "HEAD":
                return self._uploads.tell(name, identity)
            case "PATCH":
                return self._uploads.append(name, identity, head.headers, body)
            case "PUT":
                return self._uploads.finish(name, identity, head.query, head.headers, body)
            case "DELETE":
                return self._uploads.cancel(name, identity)
        raise _not_allowed(head, "GET, PATCH, PUT, DELETE")


def _only(head: Head, methods: frozenset[str]) -> None:
    if head.method not in methods:
        raise _not_allowed(head, ", ".join(sorted(methods)))


def _not_allowed(head: Head, allow: str) -> Refusal:
    return unsupported(f"{head.method} is not for this place", allow=allow)
