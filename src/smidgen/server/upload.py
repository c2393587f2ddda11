"""One blob on its way into the store."""

import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from typing import Final

from smidgen.oci.digest import Digest
from smidgen.server.body import Body
from smidgen.server.refusal import ConnectionLost
from smidgen.store.blobs import CHUNK
from smidgen.store.content import ContentStore

# Handing less to another thread costs more than it brings. Bytes.
_SMALL: Final = 64 << 10


class Upload:
    """A file in the store's ``ingest/``, and the digest of what is in it.

    Attributes:
        identity: Names it in URLs; nobody can guess it.
        repository: Under which name it was begun.
        size: Bytes so far.
        used: When the last request for it ended, by the monotonic clock.
        turn: Held by the request that works on it.
    """

    def __init__(self, store: ContentStore, repository: str) -> None:
        self.identity = uuid.uuid4().hex
        self.repository = repository
        self.size = 0
        self.used = time.monotonic()
        self.turn = threading.Lock()
        self._sha256 = hashlib.sha256()
        self._file = ExitStack()
        self._writer = self._file.enter_context(store.writer())

    @property
    def digest(self) -> Digest:
        """Of the bytes so far."""
        return Digest("sha256:" + self._sha256.hexdigest())

    def take(self, body: Body, digesting: Executor, check: Callable[[int], None]) -> None:
        """Add the content of a request. What came before the connection broke stays.

        Args:
            body: The content.
            digesting: Where the digest is computed, while the next piece is read and written here.
            check: Called with the size that there would be, to refuse it.

        Raises:
            StoreError: It could not be written: the upload is of no use any more.
            ConnectionLost: The client went away.
        """
        earlier: Future[None] | None = None
        try:
            for piece in _pieces(body):
                check(self.size + len(piece))
                if earlier is not None:
                    earlier.result()
                    earlier = None
                if len(piece) < _SMALL:
                    self._sha256.update(piece)
                else:
                    earlier = digesting.submit(self._sha256.update, piece)
                self._writer.write(piece)
                self.size += len(piece)
        finally:
            if earlier is not None:
                earlier.result()

    def commit(self) -> None:
        """Make it a blob of the store.

        Raises:
            StoreError: The store cannot be written.
        """
        self._writer.commit(self.digest, self.size)

    def close(self) -> None:
        """Delete what was not committed."""
        self._file.close()


def _pieces(body: Body) -> Iterator[memoryview]:
    """Give the content in pieces of a good size, in two buffers by turns: a piece lasts until the next but one."""
    size = min(CHUNK, body.length or CHUNK)
    buffer = memoryview(bytearray(size))
    # Most blobs that are pushed, and all pieces but those of large ones, need one buffer only.
    other = memoryview(bytearray(size)) if body.length is None or body.length > size else buffer
    filled = 0
    while True:
        try:
            count = body.readinto(buffer[filled:])
        except ConnectionLost:
            yield buffer[:filled]
            raise
        filled += count
        if filled == size or (filled and not count):
            yield buffer[:filled]
            buffer, other, filled = other, buffer, 0
        if not count:
            return
