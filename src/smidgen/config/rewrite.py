"""Writes a text file of the user's anew: the whole of it, or nothing."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from smidgen.errors import SourceChanged, UsageError


def rewrite_file(path: Path, *, before: bytes, after: bytes) -> None:
    """Put *after* in the place of *before*, at once and with the same mode; a link stays, its target changes.

    Raises:
        SourceChanged: The file is not *before* any more.
        UsageError: It cannot be written.
    """
    target = Path(os.path.realpath(path))
    with _writing(path):
        if (now := target.read_bytes()) != before:
            raise SourceChanged(str(path), want=len(before), got=len(now))
        with _beside(target, after, stat.S_IMODE(target.stat().st_mode)) as fresh:
            os.replace(fresh, target)


def write_new_file(path: Path, data: bytes) -> None:
    """Write *data* to *path*, where nothing is yet.

    Raises:
        UsageError: Something is there, or it cannot be written.
    """
    with _writing(path), _beside(path, data, 0o644) as fresh:
        try:
            # Unlike a rename, this replaces nothing.
            os.link(fresh, path)
        except FileExistsError:
            raise UsageError(f"{path} is there already", hint="try again: it was not there before") from None


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="make its directory writable") from error


@contextmanager
def _beside(target: Path, data: bytes, mode: int) -> Iterator[str]:
    """Write a file into the directory of *target*; it is removed unless it was moved."""
    handle, fresh = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
        yield fresh
    finally:
        with suppress(FileNotFoundError):
            os.unlink(fresh)
