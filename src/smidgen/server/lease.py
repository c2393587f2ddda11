"""Keeping garbage collection away while images are being pushed.

A push is many requests: blobs first, the manifest that names them last. Between them the store must lose nothing
that the client was told is there. So the store's lease is held, as a build holds it, from the first of these
requests until a manifest has named all of it, or until nothing was asked for ``_QUIET`` seconds. That is shorter
than ``smidgen gc`` waits: it comes through between two pushes, and after one that was given up.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from smidgen.errors import StoreError
from smidgen.oci.digest import Digest
from smidgen.server.refusal import busy
from smidgen.store.content import ContentStore
from smidgen.store.locks import locked

#: Seconds.
_QUIET: Final = 15.0
_DELETE_WAIT: Final = 5.0


class Lease:
    """The store's lease, shared by all pushes of this process. Times are in seconds.

    Args:
        store: Whose lease it is.
        quiet: After so long a push that nobody goes on with is given up.
        wait: How long a deletion waits for others at most.
        clock: Gives the time for *quiet*.
    """

    def __init__(
        self,
        store: ContentStore,
        *,
        quiet: float = _QUIET,
        wait: float = _DELETE_WAIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._quiet = quiet
        self._wait = wait
        self._clock = clock
        self._lock = threading.Lock()
        self._held: ExitStack | None = None
        self._working = 0
        self._relied: set[Digest] = set()
        self._last = 0.0
        #: Taken by who checks what is there and names it, and by who deletes.
        self.changing = threading.Lock()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold the lease for a request that writes."""
        with self._lock:
            self._hold()
            self._working += 1
        try:
            yield
        finally:
            with self._lock:
                self._working -= 1
                self._last = self._clock()
                self._release_if_done()

    def rely(self, digest: Digest) -> None:
        """Keep *digest* for a client that was told that it is stored."""
        with self._lock:
            self._hold()
            self._relied.add(digest)
            self._last = self._clock()

    def settle(self, digests: Iterable[Digest]) -> None:
        """Note that *digests* are named now, or that nobody will name them."""
        with self._lock:
            self._relied.difference_update(digests)
            self._release_if_done()

    def expire(self) -> None:
        """Give up on pushes that have gone quiet."""
        with self._lock:
            if self._held and not self._working and self._clock() - self._last > self._quiet:
                self._relied.clear()
                self._release_if_done()

    @contextmanager
    def deleting(self) -> Iterator[None]:
        """Be the only one who writes to the store, as garbage collection is.

        Raises:
            Refusal: A build or another server writes all the time.
            StoreError: The store cannot be written.
        """
        with self.changing, self._lock, ExitStack() as stack:
            if self._held is not None:
                # A shared holder cannot become the only one. A collection that comes in between takes blobs of a
                # push that is under way; its manifest is refused then, and pushed again with them.
                self._release()
                stack.callback(self._hold)
            try:
                stack.enter_context(locked(self._store.root / "lease", wait=self._wait))
            except StoreError as error:
                if error.__cause__ is not None:
                    raise
                raise busy("the store is being written to by another program") from error
            yield

    def close(self) -> None:
        """Let go."""
        with self._lock:
            self._release()

    def _hold(self) -> None:
        if self._held is None:
            with ExitStack() as stack:
                stack.enter_context(self._store.writing())
                self._held = stack.pop_all()

    def _release_if_done(self) -> None:
        if not self._working and not self._relied:
            self._release()

    def _release(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            held.close()
