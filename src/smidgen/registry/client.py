"""The client of one repository: manifests, tags, blobs, referrers.

Source: OCI distribution-spec v1.1.1, "API".
"""

import re
from collections.abc import Collection, Iterator
from typing import Final

import msgspec

from smidgen.errors import (
    DigestMismatch,
    InvalidAnswer,
    InvalidContent,
    LimitExceeded,
    NotInRegistry,
    RegistryError,
    RegistryUnreachable,
)
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest, sha256
from smidgen.oci.manifest import MAX_DOCUMENT
from smidgen.oci.media_types import DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_INDEX, OCI_MANIFEST
from smidgen.registry.answers import harmless
from smidgen.registry.attempts import Attempts
from smidgen.registry.encoding import check_plain
from smidgen.registry.repository import Repository
from smidgen.registry.response import Response
from smidgen.registry.session import Session
from smidgen.registry.workers import Stop
from smidgen.store.content import ContentStore

_ACCEPTED: Final = (OCI_INDEX, OCI_MANIFEST, DOCKER_MANIFEST_LIST, DOCKER_MANIFEST)
# What registries say of a manifest when they do not know what it is.
_VAGUE: Final = frozenset({"", "application/json", "application/octet-stream", "text/plain"})
_DIGEST: Final = re.compile(r"^sha256:[a-f0-9]{64}\Z")
# Times that a manifest is fetched whose bytes turn out to be wrong.
_TRIES: Final = 5
_MAX_PAGE: Final = 8 << 20
_MAX_PAGES: Final = 2_000
_PAGE: Final = 1000
_NEXT: Final = re.compile(r"<([^<>]*)>[^,<]*;\s*rel=\"?next\"?", re.IGNORECASE)


class _Tags(msgspec.Struct, frozen=True):
    tags: tuple[str, ...] | None = None


class _Typed(msgspec.Struct, frozen=True, rename="camel"):
    """What tells one kind of document from another."""

    schema_version: int = 0
    media_type: str = ""
    config: msgspec.Raw = msgspec.Raw()
    manifests: msgspec.Raw = msgspec.Raw()


class Client:
    """Asks a registry for one repository. May be used by many threads.

    Attributes:
        session: Knows the registry.
        repository: Which one.
    """

    def __init__(
        self,
        session: Session,
        repository: Repository,
        *,
        actions: Collection[str] = ("pull",),
        stop: Stop | None = None,
    ) -> None:
        """Make a client.

        Args:
            session: Sends the requests.
            repository: What is asked for.
            actions: What the caller is going to do there, so that it is allowed all of it at once.
            stop: Set by who does not want the work done any more.
        """
        self.session = session
        self.repository = repository
        self.actions = tuple(actions)
        self.stop = stop or Stop()

    # Manifests

    def resolve(self, tag_or_digest: str) -> Descriptor:
        """Find out which manifest or index a tag names, without fetching it where the registry tells.

        Raises:
            NotInRegistry: There is none.
            RegistryError: The registry did not answer, or refused.
            InvalidContent: It is of a kind that is not known here.
        """
        found = self._head(tag_or_digest)
        return found or self.get_manifest(tag_or_digest)[0]

    def find(self, tag_or_digest: str) -> Descriptor | None:
        """As ``resolve``, but give None where there is none."""
        try:
            return self.resolve(tag_or_digest)
        except NotInRegistry:
            return None

    def get_manifest(self, tag_or_digest: str, *, media_type: str | None = None) -> tuple[Descriptor, bytes]:
        """Fetch a manifest or index, and check its bytes.

        Args:
            tag_or_digest: Which one.
            media_type: What it has to be, where that is known.

        Raises:
            NotInRegistry: There is none.
            DigestMismatch: What comes, again and again, is not what was asked for.
            LimitExceeded: It has over 4 MiB.
            InvalidContent: It is of a kind that is not known here.
        """
        attempts = Attempts(self.session.retry, self.stop)
        damaged = 0
        while True:
            try:
                with self.get(f"manifests/{tag_or_digest}", accept=media_type, expect=(200,)) as response:
                    data = response.read(MAX_DOCUMENT)
                    return self._described(response, data, tag_or_digest, media_type), data
            except RegistryUnreachable as error:
                attempts.failed(error)
            except DigestMismatch:
                damaged += 1
                if damaged == _TRIES:
                    raise

    def put_manifest(self, data: bytes, media_type: str, tag_or_digest: str) -> Digest:
        """Store a manifest or index under a tag, or under its digest only; what it names must be there.

        A subject that the registry does not take notice of is entered into its list of referrers.

        Raises:
            RegistryError: The registry refused.
        """
        digest = sha256(data)
        with self.request(
            "PUT",
            f"manifests/{tag_or_digest}",
            headers={"Content-Type": media_type},
            body=data,
            expect=(200, 201, 202),
        ) as response:
            got = response.headers.get("docker-content-digest", digest)
            noticed = "oci-subject" in response.headers
        if got != digest:
            raise self._nonsense(f"PUT manifests/{tag_or_digest}", f"stored as {harmless(got, 80)}, sent was {digest}")
        if not noticed and b'"subject"' in data:
            from smidgen.registry.referrers import announce  # for signatures and the like only

            announce(self, data, media_type)
        return digest

    def delete_manifest(self, digest: Digest) -> None:
        """Delete a manifest or index, and with it all its tags.

        Raises:
            NotInRegistry: There is none.
            RegistryError: The registry does not delete, or not for us.
        """
        self._delete(f"manifests/{digest}")

    def delete_tag(self, tag: str) -> None:
        """Delete a tag; what it names stays.

        Raises:
            NotInRegistry: There is none.
            RegistryError: The registry does not delete tags, or not for us.
        """
        try:
            self._delete(f"manifests/{tag}")
        except RegistryError as error:
            if error.status in {400, 405, 501}:
                error.hint = (
                    f"{self.repository.registry} does not delete tags alone; "
                    "name the digest to delete the image and all its tags, or see the registry's own tools"
                )
            raise

    # Blobs

    def stat_blob(self, digest: Digest) -> int | None:
        """Give the size of a blob in bytes, -1 where it is there and the registry does not tell, or None."""
        with self.request("HEAD", f"blobs/{digest}", expect=(200, 404)) as response:
            if response.status == 404:
                return None
            return -1 if response.size is None else response.size

    def get_blob(self, descriptor: Descriptor, *, limit: int = MAX_DOCUMENT) -> bytes:
        """Fetch a small blob whole and check it.

        Raises:
            LimitExceeded: Its descriptor says more than *limit* bytes.
            DigestMismatch: What comes is something else.
        """
        from smidgen.registry.download import BlobStream

        if descriptor.size > limit:
            raise LimitExceeded(f"size of blob {descriptor.digest} in bytes", limit=limit, got=descriptor.size)
        buffer = bytearray(descriptor.size)
        view, at = memoryview(buffer), 0
        with BlobStream(self, descriptor) as stream:
            while at < descriptor.size:
                at += stream.readinto(view[at:])
        data = bytes(buffer)
        descriptor.verify(data)
        return data

    def fetch_blob(self, descriptor: Descriptor, store: ContentStore) -> None:
        """Fetch a blob into *store*; see ``smidgen.registry.download``."""
        from smidgen.registry.download import fetch_blob

        fetch_blob(self, descriptor, store)

    def push_blob(self, descriptor: Descriptor, store: ContentStore, *, mounts: Collection[Repository] = ()) -> None:
        """Bring a blob of *store* into the repository; see ``smidgen.registry.upload``."""
        from smidgen.registry.upload import StoredBlob, push_blob

        push_blob(self, StoredBlob(store, descriptor), mounts=tuple(mounts))

    def mount_blob(self, digest: Digest, from_: Repository) -> bool:
        """Take a blob over from another repository of the same registry; tells whether it is there now."""
        from smidgen.registry.upload import mount_blob

        return mount_blob(self, digest, from_)

    def delete_blob(self, digest: Digest) -> None:
        """Delete a blob.

        Raises:
            NotInRegistry: There is none.
            RegistryError: The registry does not delete, or not for us.
        """
        self._delete(f"blobs/{digest}")

    # Lists

    def tags(self) -> Iterator[str]:
        """Give all tags, in the registry's order.

        Raises:
            NotInRegistry: There is no such repository.
        """
        for page in self.pages(f"tags/list?n={_PAGE}", _MAX_PAGE):
            try:
                yield from msgspec.json.decode(page, type=_Tags).tags or ()
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise self._nonsense("GET tags/list", f"no list of tags: {error}") from error

    def referrers(self, digest: Digest, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """Give what refers to a manifest: signatures, lists of parts, provenance; see ``registry.referrers``."""
        from smidgen.registry.referrers import referrers

        return referrers(self, digest, artifact_type)

    def pages(self, path: str, limit: int) -> Iterator[bytes]:
        """Give a list page for page, as ``Link`` leads on.

        Raises:
            InvalidAnswer: The links go round in circles, or to somewhere else, or never end.
        """
        seen: set[str] = set()
        host = ""
        while True:
            with self.get(path, expect=(200,)) as response:
                host = host or response.address.origin.authority
                yield response.read(limit)
                link = _NEXT.search(response.headers.get("link", ""))
                if link is None:
                    return
                try:
                    following = response.address.join(link[1])
                except ValueError as error:
                    raise self._nonsense(f"GET {path}", f"a link to {error}") from error
            if following.origin.authority != host:
                raise self._nonsense(f"GET {path}", f"the next page is at another server, {following.origin.authority}")
            path = str(following)
            if path in seen or len(seen) >= _MAX_PAGES:
                raise self._nonsense(f"GET {path.partition('?')[0]}", "the pages of the list never end")
            seen.add(path)

    # Requests

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        expect: Collection[int],
    ) -> Response:
        """Send a request that may be repeated."""
        self.stop.check()
        actions = self.actions
        if method not in {"GET", "HEAD"}:
            actions = tuple(dict.fromkeys((*actions, "delete" if method == "DELETE" else "push")))
        return self.session.request(
            method, self.repository, path, actions=actions, headers=headers, body=body, expect=expect
        )

    def get(self, path: str, *, accept: str | None = None, expect: Collection[int], method: str = "GET") -> Response:
        """Ask for a document; a mirror may answer.

        Args:
            path: Below ``/v2/NAME/``, or an address that the registry gave.
            accept: A media type beside those of images.
            expect: The statuses that are no error.
            method: ``GET`` or ``HEAD``.
        """
        self.stop.check()
        accepted = _ACCEPTED if accept is None or accept in _ACCEPTED else (accept, *_ACCEPTED)
        response = self.session.request(
            method,
            self.repository,
            path,
            actions=self.actions,
            headers={"Accept": ", ".join(accepted)},
            expect=expect,
            mirrors=True,
        )
        check_plain(response, f"{method} {path.partition('?')[0]}", self.repository)
        return response

    def _head(self, tag_or_digest: str) -> Descriptor | None:
        # Some registries do not answer HEAD for manifests; all have to answer GET.
        with self.get(f"manifests/{tag_or_digest}", expect=(200, 405, 501), method="HEAD") as response:
            media_type, size = _media_type(response), response.size
            digest = response.headers.get("docker-content-digest", "")
            if response.status != 200 or not _DIGEST.match(digest) or not size or media_type not in _ACCEPTED:
                return None
        if _DIGEST.match(tag_or_digest) and digest != tag_or_digest:
            raise self._nonsense(f"HEAD manifests/{tag_or_digest}", f"another digest, {digest}")
        return Descriptor(media_type=media_type, digest=Digest(digest), size=size)

    def _described(self, response: Response, data: bytes, asked: str, known: str | None) -> Descriptor:
        what = f"manifest {asked} of {self.repository}"
        digest = sha256(data)
        said = asked if _DIGEST.match(asked) else response.headers.get("docker-content-digest", digest)
        if digest != said:
            raise DigestMismatch(want=harmless(said, 80), got=digest, what=what)
        media_type = known or _media_type(response)
        try:
            inside = msgspec.json.decode(data, type=_Typed)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidContent(what, f"{harmless(media_type, 80)}: {harmless(str(error))}") from error
        if media_type in _VAGUE:
            media_type = inside.media_type or (OCI_INDEX if inside.manifests else OCI_MANIFEST)
        if inside.schema_version == 1:
            raise InvalidContent(
                what,
                f"{harmless(media_type, 80)} is Docker's schema 1, which has no digests that can be checked",
                hint="push it again with a tool of the last ten years",
            )
        if known is None and media_type not in _ACCEPTED:
            hint = f"expected one of {', '.join(_ACCEPTED)}"
            raise InvalidContent(what, f"media type {harmless(media_type, 80)} is not an image's", hint=hint)
        if inside.config and inside.manifests:
            raise InvalidContent(what, "both a manifest and an index")
        return Descriptor(media_type=media_type, digest=digest, size=len(data))

    def _delete(self, path: str) -> None:
        self.request("DELETE", path, expect=(200, 202, 204)).close()

    def _nonsense(self, request: str, reason: str) -> InvalidAnswer:
        return InvalidAnswer(
            f"{self.repository}: {request}: {reason}", registry=self.repository.registry, request=request
        )


def _media_type(response: Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()
