"""Writes a file whole or not at all: beside its place first, and then into it.

Whoever reads it meanwhile sees what was there before, or all of the new; of several writers the last one stays.
"""

import os
import threading
from contextlib import suppress


def replace_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Write *data* to *path*, whose directory is there; nothing else is left there if that fails.

    Raises:
        OSError: It cannot be written.
    """
    directory, name = os.path.split(path)
    # Threads and processes may write the same at once.
    fresh = os.path.join(directory, f".{name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with open(fresh, "wb") as file:
            file.write(data)
        os.replace(fresh, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(fresh)
        raise


def keep_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Write *data* to *path* in a cache, and its directory first; that it cannot be written is no error."""
    with suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        replace_file(path, data)
