"""Blobs to a registry: looked for, mounted, or sent; what broke off is gone on with where the registry says.

A blob goes in one PUT. Where that broke off, or is more than the registry takes at once, the rest goes in PATCHes from
the byte on that the registry asks for. A POST or PATCH is never simply sent again: what it did is found out first.

Source: OCI distribution-spec v1.1.1, "Pushing blobs", "Pushing a blob in chunks", "Mounting a blob".
"""

import io
import re
import urllib.parse
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from smidgen.errors import AccessDenied, InvalidAnswer, RegistryError
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.registry.answers import harmless, refusal
from smidgen.registry.attempts import Attempts
from smidgen.registry.body import Body, WatchedBody
from smidgen.registry.progress import SILENT, Outcome, Progress
from smidgen.registry.repository import Repository
from smidgen.registry.response import Response
from smidgen.registry.retry import TEMPORARY
from smidgen.registry.upload_memory import Remembered, forget, remembered
from smidgen.store.blobs import CHUNK
from smidgen.store.content import ContentStore
from smidgen.store.faults import reporting

if TYPE_CHECKING:
    from smidgen.registry.client import Client

#: What is sent at once where the registry does not take a blob whole, in bytes.
_CHUNK: Final = 32 << 20
_MAX_CHUNK: Final = 1 << 30
# Progress that counts as such, in bytes.
_STEP: Final = 1 << 20
#: Whole PUTs of which nothing arrived before it is tried in pieces, and refusals of bytes that are right.
_MAX_WHOLES: Final = 3
_MAX_DOUBTS: Final = 3
_RANGE: Final = re.compile(r"^(?:bytes=)?0-(\d{1,18})\Z")


class BlobSource(Protocol):
    """A blob that can be sent, from any byte on, as often as it takes."""

    @property
    def descriptor(self) -> Descriptor:
        """Which blob."""
        ...

    def body(self, start: int, end: int) -> Body:
        """Give the bytes from *start* to before *end*."""
        ...

    def check(self) -> None:
        """Look whether the registry was right to find the bytes wrong.

        Raises:
            ContentError: They are, at the source.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob of the store. Its bytes were checked when they came, and the registry checks what it gets."""

    store: ContentStore
    descriptor: Descriptor

    def body(self, start: int, end: int) -> Body:
        """Give the bytes from *start* to before *end*."""
        return _FilePart(self.store.blob_path(self.descriptor.digest), start, end)

    def check(self) -> None:
        """Read it through.

        Raises:
            DigestMismatch: The stored bytes are damaged.
            SizeMismatch: The stored file has another size.
        """
        with self.store.open_blob(self.descriptor) as stream:
            while stream.read(CHUNK):
                pass


@dataclass(frozen=True, slots=True)
class _FilePart:
    path: Path
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start

    def open(self) -> BinaryIO:
        with reporting("read", self.path):
            file = io.FileIO(self.path)
            file.seek(self.start)
        return file


class _Anew(Exception):
    """The upload is gone, or cannot be trusted: begin another."""

    def __init__(self, error: RegistryError) -> None:
        super().__init__(error)
        self.error = error


class _Later(Exception):
    """The registry cannot just now."""

    def __init__(self, error: RegistryError, asked: str | None) -> None:
        super().__init__(error)
        self.error = error
        self.asked = asked


def push_blob(
    client: "Client",
    source: BlobSource,
    *,
    mounts: Collection[Repository] = (),
    memory: Path | None = None,
    progress: Progress = SILENT,
) -> Outcome:
    """Bring a blob into the repository of *client*, if it is not there.

    Args:
        client: Of the repository.
        source: The blob.
        mounts: Repositories of the same registry that may have it.
        memory: Directory in which uploads that broke off are remembered.
        progress: Is told.

    Raises:
        RegistryError: The registry refused, or broke off too often.
        ContentError: The source's bytes are not what they should be.
    """
    descriptor = source.descriptor
    progress.started(descriptor.digest, "blob", descriptor.size)
    if client.stat_blob(descriptor.digest) is not None:
        outcome: Outcome = "there"
        forget(memory, client.repository, descriptor)
    else:
        with remembered(memory, client.repository, descriptor) as record:
            outcome = _Upload(client, source, record, progress).run(tuple(mounts))
    progress.finished(descriptor.digest, outcome)
    return outcome


def mount_blob(client: "Client", digest: Digest, from_: Repository) -> bool:
    """Take a blob over from another repository of the same registry; tells whether it is there now."""
    try:
        response = client.session.request(
            "POST", client.repository, _path(digest, from_), actions=("pull", "push"), also=(from_,), body=b"",
            expect=(201, 202, 204),
        )  # fmt: skip
    except RegistryError as error:
        if error.status is None or error.status in TEMPORARY:
            raise
        return False
    with response:
        location = response.headers.get("location", "")
        if response.status != 202:
            return True
    with suppress(ValueError):
        # The registry opened an upload instead.
        _give_up(client, response.link(location))
    return False


class _Upload:
    """One blob on its way.

    Attributes:
        _location: Where the upload is gone on with; empty before it is begun.
        _at: The next byte to send.
        _sure: Whether the registry said so after the last request.
        _chunk: Bytes sent at once at most; 0 for all.
    """

    def __init__(self, client: "Client", source: BlobSource, record: Remembered, progress: Progress) -> None:
        self._client = client
        self._source = source
        self._descriptor = source.descriptor
        self._record = record
        self._progress = progress
        self._attempts = Attempts(client.session.retry, client.stop)
        self._location = record.location or ""
        self._at = 0
        self._told = 0
        self._sure = False
        self._chunk = 0
        self._minimum = 0
        self._wholes = 0
        self._doubts = 0
        self._method = ""

    def run(self, mounts: tuple[Repository, ...]) -> Outcome:
        """Do it all, as often as it takes."""
        while True:
            try:
                if not self._location:
                    if self._start(mounts):
                        return "mounted"
                    mounts = ()
                elif not self._sure:
                    self._ask()
                if self._step():
                    break
            except _Anew as turn:
                self._forget()
                self._attempts.failed(turn.error, passing=True)
                # The answer to what was in fact the last request may have been lost.
                if self._client.stat_blob(self._descriptor.digest) is not None:
                    break
            except _Later as turn:
                self._attempts.failed(turn.error, asked=turn.asked, passing=True)
            except RegistryError as error:
                self._attempts.failed(error)
        self._record.forget()
        self._tell(self._descriptor.size)
        return "pushed"

    def _start(self, mounts: tuple[Repository, ...]) -> bool:
        """Open an upload, or mount the blob instead; tells whether it was mounted."""
        for from_ in (*mounts, None):
            if from_ is None and self._location:
                # A mount that could not be done has opened one.
                break
            with self._begun(from_) as response:
                opened, self._location = self._location, ""
                if opened:
                    _give_up(self._client, opened)
                if response.status in {201, 204}:
                    return True
                if response.status == 202:
                    self._follow(response, needed=True)
                    minimum = response.headers.get("oci-chunk-min-length", "")
                    self._minimum = min(_MAX_CHUNK, int(minimum)) if re.fullmatch("[0-9]{1,18}", minimum) else 0
        self._at, self._sure = 0, True
        return False

    def _begun(self, from_: Repository | None) -> Response:
        if from_ is None:
            return self._request("POST", _path(self._descriptor.digest, None), body=b"", expect=(201, 202))
        # Registries answer a mount that they do not like in many ways: then it is an upload.
        refusals = (400, 401, 403, 404, 405, 416, 422)
        try:
            return self._request(
                "POST",
                _path(self._descriptor.digest, from_),
                body=b"",
                also=(from_,),
                expect=(201, 202, 204, *refusals),
            )
        except AccessDenied:
            return self._begun(None)

    def _ask(self) -> None:
        """Find out how far the upload has come."""
        with self._request("GET", self._location, expect=(200, 201, 202, 204, 400, 401, 403, 404, 405)) as response:
            at = _received(response.headers.get("range"))
            if response.status >= 400 or at is None or at > self._descriptor.size:
                raise _Anew(self._nonsense(response, f"{response.status}: the upload cannot be gone on with"))
            self._follow(response)
        self._reached(at)

    def _step(self) -> bool:
        """Send one request with bytes; tells whether the blob is there now."""
        size = self._descriptor.size
        if self._at == size:
            return self._put(size)
        if self._at == 0 and not self._chunk:
            self._wholes += 1
            if self._wholes > _MAX_WHOLES:
                # Something between here and the registry may cut off what is large, without saying so.
                self._chunk = max(_CHUNK, self._minimum)
                return False
            return self._put(0)
        self._patch()
        return False

    def _put(self, start: int) -> bool:
        """Send the last bytes and close the upload; tells whether it is closed."""
        separator = "&" if "?" in self._location else "?"
        url = f"{self._location}{separator}digest={self._descriptor.digest}"
        self._sure = False
        body = self._body(start, self._descriptor.size) if start < self._descriptor.size else b""
        with self._request("PUT", url, body=body, expect=(200, 201, 204, 400, 404, 413, 416, 422)) as response:
            match response.status:
                case 404:
                    raise _Anew(self._refused(response))
                case 413:
                    self._cut_up(response)
                case 400 | 422:
                    self._doubt(self._refused(response))
                case 200 | 201 | 204:
                    digest = self._descriptor.digest
                    if (got := response.headers.get("docker-content-digest", digest)) != digest:
                        self._doubt(self._nonsense(response, f"stored as {harmless(got, 80)}, sent was {digest}"))
                    return True
            return False

    def _patch(self) -> None:
        start, size = self._at, self._descriptor.size
        end = min(size, start + self._chunk) if self._chunk else size
        self._sure = False
        with self._request(
            "PATCH",
            self._location,
            body=self._body(start, end),
            headers={"Content-Range": f"{start}-{end - 1}"},
            expect=(200, 201, 202, 204, 400, 404, 413, 416),
        ) as response:
            if response.status == 413:
                self._cut_up(response)
            elif response.status == 416:
                self._attempts.failed(self._refused(response), passing=True)
            elif response.status >= 400:
                raise _Anew(self._refused(response))
            else:
                self._follow(response)
                told = _received(response.headers.get("range"))
                self._reached(end if told is None or not start <= told <= end else told)

    def _cut_up(self, response: Response) -> None:
        """Send less at once from now on, as what was sent is too much."""
        if self._chunk:
            raise self._refused(response)
        self._chunk = max(_CHUNK, self._minimum)

    def _body(self, start: int, end: int) -> Body:
        """Give bytes that tell of their going out; what did not arrive in the end is taken back."""

        def tell(count: int) -> None:
            self._client.stop.check()
            self._tell(start + count)

        return WatchedBody(self._source.body(start, end), tell)

    def _doubt(self, error: RegistryError) -> None:
        """Find out why the registry does not want the bytes: they may be wrong here, or became so on the way."""
        self._source.check()
        self._doubts += 1
        if self._doubts >= _MAX_DOUBTS:
            raise error
        raise _Anew(error)

    def _reached(self, at: int) -> None:
        if at - self._at >= _STEP:
            self._attempts.progressed()
        self._at, self._sure = at, True
        self._tell(at)

    def _tell(self, at: int) -> None:
        if at != self._told:
            self._progress.advanced(self._descriptor.digest, at - self._told)
            self._told = at

    def _forget(self) -> None:
        self._record.forget()
        self._location = ""
        self._tell(0)

    def _follow(self, response: Response, *, needed: bool = False) -> None:
        """Go on where the answer says."""
        location = response.headers.get("location")
        if location is None:
            if needed:
                raise self._nonsense(response, "no Location")
            return
        try:
            self._location = response.link(location)
        except ValueError as error:
            raise self._nonsense(response, f"a Location with {error}") from error
        self._record.note(self._location)

    def _request(
        self,
        method: str,
        url: str,
        *,
        body: Body | bytes | None = None,
        headers: dict[str, str] | None = None,
        also: tuple[Repository, ...] = (),
        expect: Collection[int],
    ) -> Response:
        client = self._client
        client.stop.check()
        self._method = method
        response = client.session.request(
            method,
            client.repository,
            url,
            actions=("pull", "push"),
            also=also,
            headers=({"Content-Type": "application/octet-stream"} if body else {}) | (headers or {}),
            body=body,
            expect={*expect, *TEMPORARY},
        )
        if response.status in TEMPORARY:
            raise _Later(self._refused(response), response.headers.get("retry-after"))
        return response

    def _refused(self, response: Response) -> RegistryError:
        registry = self._client.repository.registry
        return refusal(response, registry=registry, request=f"{self._method} {response.address.shown}")

    def _nonsense(self, response: Response, reason: str) -> InvalidAnswer:
        request = f"{self._method} {response.address.shown}"
        return InvalidAnswer(f"{request}: {reason}", registry=self._client.repository.registry, request=request)


def _give_up(client: "Client", location: str) -> None:
    """Cancel an upload that nobody wants; without that it would expire in time."""
    with suppress(RegistryError):
        client.request("DELETE", location, expect=(200, 202, 204, 404)).close()


def _path(digest: Digest, from_: Repository | None) -> str:
    if from_ is None:
        return "blobs/uploads/"
    return f"blobs/uploads/?mount={digest}&from={urllib.parse.quote(from_.name, safe='')}"


def _received(text: str | None) -> int | None:
    """Read how many bytes a registry has, from a ``Range`` such as ``0-1023``; of nothing it says ``0-0`` too."""
    found = _RANGE.match(text.strip()) if text else None
    if found is None:
        return None
    last = int(found[1])
    return last + 1 if last else 0
