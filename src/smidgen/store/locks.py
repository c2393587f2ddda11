"""Locks between processes, held by open files, so that the kernel drops them when their holder dies.

Two files at the store's root are locked and never written:

``lock``   exclusive and short: the read, change and replacement of ``index.json``.
``lease``  shared by everyone who writes blobs that no tag names yet, exclusive for garbage
           collection. Shared holders do not wait for each other.

Who needs both takes ``lease`` first.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smidgen.errors import StoreError
from smidgen.store.faults import reporting

_POLL = 0.02


@contextmanager
def locked(path: Path, *, shared: bool = False, wait: float | None = None) -> Iterator[None]:
    """Hold the lock of the file *path*, made if it is not there.

    Args:
        path: The file.
        shared: Together with other shared holders.
        wait: Seconds to wait at most; None waits for ever.

    Raises:
        StoreError: It cannot be made or locked, or others held it all the time.
    """
    with reporting("lock", path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        if wait is None:
            with reporting("lock", path):
                fcntl.flock(descriptor, operation)
        elif not _poll(descriptor, operation, path, wait):
            raise StoreError(
                f"{path} was held by another smidgen for {wait:g} seconds",
                hint="wait until the builds that use this store are done",
            )
        yield
    finally:
        # Closing is unlocking: nobody else shares this open file, it is not inherited by programs.
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Lock the open file *descriptor* exclusively if nobody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _poll(descriptor: int, operation: int, path: Path, wait: float) -> bool:
    end = time.monotonic() + wait
    while True:
        try:
            with reporting("lock", path):
                fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
        except StoreError as error:
            if not isinstance(error.__cause__, BlockingIOError):
                raise
        else:
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(_POLL)
