"""Several images of the store to their registries, side by side."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.reference import Reference
from smidgen.registry.progress import Outcome, Progress
from smidgen.registry.push import push
from smidgen.registry.session import Session
from smidgen.store.content import ContentStore

# Each push has threads of its own for its blobs.
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Consignment:
    """An image, and where it goes."""

    descriptor: Descriptor
    references: tuple[Reference, ...]


def push_together(session: Session, store: ContentStore, images: Sequence[Consignment], *, progress: Progress) -> None:
    """Push every one of *images*; the first failure ends the others.

    Raises:
        NotFound: An image is not whole in *store*.
        RegistryError: A registry refused, or did not answer.
    """
    if len(images) == 1:
        push(session, store, images[0].descriptor, images[0].references, progress=progress)
        return
    stoppable = _Stoppable(progress)

    def one(image: Consignment) -> None:
        try:
            push(session, store, image.descriptor, image.references, progress=stoppable)
        except BaseException:
            stoppable.stopped.set()
            raise

    executor = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="push")
    running = [executor.submit(one, image) for image in images]
    try:
        errors = [error for future in running if (error := future.exception()) is not None]
    except BaseException:
        # Ctrl-C, here in the main thread: what waits for a registry is not waited for.
        stoppable.stopped.set()
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    executor.shutdown()
    for error in errors:
        if not isinstance(error, _StoppedError):
            raise error


class _StoppedError(Exception):
    """Another push failed."""


class _Stoppable:
    """Ends a transfer from within, as a progress may."""

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        self.stopped = threading.Event()

    def started(self, digest: Digest, what: str, total: int | None) -> None:
        self._check()
        self._inner.started(digest, what, total)

    def advanced(self, digest: Digest, count: int) -> None:
        self._check()
        self._inner.advanced(digest, count)

    def finished(self, digest: Digest, outcome: Outcome) -> None:
        self._inner.finished(digest, outcome)

    def _check(self) -> None:
        if self.stopped.is_set():
            raise _StoppedError
