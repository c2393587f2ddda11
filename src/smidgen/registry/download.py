"""Blobs from a registry: read on where a connection broke, checked by digest, kept half way for the next run.

Source: OCI distribution-spec v1.1.1, "Pulling blobs"; RFC 9110, section 14 (ranges).
"""

import re
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from smidgen.errors import DigestMismatch, RegistryError, RegistryUnreachable, SizeMismatch
from smidgen.oci.descriptor import Descriptor
from smidgen.registry.attempts import Attempts
from smidgen.registry.encoding import check_plain
from smidgen.registry.progress import SILENT, Outcome, Progress
from smidgen.registry.response import Response
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.registry.client import Client
    from smidgen.store.partial import Partial

#: Bytes read at once: large enough that hashing and writing run without the interpreter's lock.
PIECE: Final = 1 << 20
_TRIES: Final = 5
_SMALL: Final = 16 << 20
_RANGE: Final = re.compile(r"^bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)\Z")


def tries(blob: Descriptor) -> int:
    """Give the times that *blob* is fetched whose bytes turn out to be wrong: a large one twice, for it takes long."""
    return _TRIES if blob.size <= _SMALL else 2


class BlobStream:
    """The bytes of a blob as the registry gives them, from a position to its end; unchecked.

    Attributes:
        position: Of the next byte.
    """

    def __init__(self, client: "Client", descriptor: Descriptor, start: int = 0) -> None:
        self._client = client
        self._descriptor = descriptor
        self._attempts = Attempts(client.session.retry, client.stop)
        self._response: Response | None = None
        self._received = 0
        self._mismatches = 0
        self.position = start

    def readinto(self, view: memoryview) -> int:
        """Fill *view* as far as there are bytes; 0 means the end. What breaks off is asked for again.

        Raises:
            RegistryError: It broke off again and again.
            SizeMismatch: The registry has a blob of another size.
        """
        view = view[: self._descriptor.size - self.position]
        while view:
            self._client.stop.check()
            try:
                if self._response is None:
                    self._response = self._open()
                count = self._response.readinto(view)
                if not count:
                    raise self._short()
            except RegistryError as error:
                self.close()
                self._attempts.failed(error)
                continue
            except SizeMismatch:
                self._mismatches += 1
                if self._mismatches == _TRIES:
                    raise
                continue
            self._advance(count)
            return count
        return 0

    def close(self) -> None:
        """Let the connection go."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _advance(self, count: int) -> None:
        self.position += count
        self._received += count
        if self._received >= PIECE:
            # A peer that breaks off after each byte would else be asked for ever.
            self._received = 0
            self._attempts.progressed()
        if self.position == self._descriptor.size:
            self.close()

    def _open(self) -> Response:
        client, start = self._client, self.position
        response = client.session.request(
            "GET",
            client.repository,
            f"blobs/{self._descriptor.digest}",
            actions=client.actions,
            headers={"Range": f"bytes={start}-"} if start else None,
            expect=(200, 206, 416) if start else (200,),
            mirrors=True,
        )
        check_plain(response, f"GET blobs/{self._descriptor.digest}", client.repository)
        try:
            if response.status == 206:
                self._check_range(response, start)
            else:
                # 416: it has no byte there, so no more than there are before it.
                self._check_size(start if response.status == 416 else response.size)
                self._skip(response, start)
        except BaseException:
            response.close()
            raise
        return response

    def _check_range(self, response: Response, start: int) -> None:
        text = response.headers.get("content-range", "")
        found = _RANGE.match(text)
        if found is None or int(found[1]) != start:
            raise RegistryUnreachable(
                f"asked {self._client.repository} for blob {self._descriptor.digest} from byte {start}, "
                f"got {text[:60]!r}",
                registry=self._client.repository.registry,
                request=f"GET blobs/{self._descriptor.digest}",
            )
        if found[3] != "*":
            self._check_size(int(found[3]))

    def _check_size(self, size: int | None) -> None:
        if size is not None and size != self._descriptor.size:
            raise SizeMismatch(
                want=self._descriptor.size,
                got=size,
                what=f"blob {self._descriptor.digest} of {self._client.repository}",
            )

    def _skip(self, response: Response, count: int) -> None:
        """Read past what is there already: this registry gives the whole only."""
        view = memoryview(bytearray(min(PIECE, count)))
        while count:
            self._client.stop.check()
            got = response.readinto(view[:count])
            if not got:
                raise self._short()
            count -= got

    def _short(self) -> RegistryUnreachable:
        return RegistryUnreachable(
            f"blob {self._descriptor.digest} of {self._client.repository} ended after {self.position} bytes "
            f"of {self._descriptor.size}",
            registry=self._client.repository.registry,
            request=f"GET blobs/{self._descriptor.digest}",
        )


def fetch_blob(
    client: "Client", descriptor: Descriptor, store: ContentStore, *, progress: Progress = SILENT
) -> Outcome:
    """Fetch a blob into *store*, if it is not there; what is there half way from another time is gone on with.

    Raises:
        RegistryError: The registry did not give it.
        SizeMismatch: It gives one of another size.
        DigestMismatch: It gives, again and again, something else.
        StoreError: The store cannot be written.
    """
    progress.started(descriptor.digest, "blob", descriptor.size)
    outcome: Outcome = "there" if store.has(descriptor) else _fetch(client, descriptor, store, progress)
    progress.finished(descriptor.digest, outcome)
    return outcome


def _fetch(client: "Client", descriptor: Descriptor, store: ContentStore, progress: Progress) -> Outcome:
    what = f"blob {descriptor.digest} of {client.repository}"
    with store.partial(descriptor, client.stop.wait) as partial:
        if partial is None:
            return "there"
        progress.advanced(descriptor.digest, partial.size)
        for left in reversed(range(tries(descriptor))):
            start = partial.size
            try:
                _receive(client, descriptor, partial, progress)
                store.commit_partial(partial, what)
                break
            except (DigestMismatch, SizeMismatch) as error:
                # What was there may have been wrong, or a bit fell over on the way: again, from the start.
                progress.advanced(descriptor.digest, -partial.size)
                partial.clear()
                # Of its size the registry was asked often enough, unless it was about the rest only.
                if not left or (isinstance(error, SizeMismatch) and not start):
                    error.hint = f"{client.repository.registry} gives other bytes than the image names: tell its owner"
                    raise
    return "fetched"


def _receive(client: "Client", descriptor: Descriptor, partial: "Partial", progress: Progress) -> None:
    view = memoryview(bytearray(min(PIECE, descriptor.size)))
    with BlobStream(client, descriptor, partial.size) as stream:
        while count := stream.readinto(view):
            partial.write(view[:count])
            progress.advanced(descriptor.digest, count)
