"""Writes a text file of the user's anew: the whole of it, or nothing."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from smidgen.errors import SourceChanged, UsageError


def rewrite_file(path: Path, *, before: bytes, after: bytes) -> None:
    """Put *after* in the place of *before*, at once and with the same mode; a link stays, its target changes.

    Raises:
        SourceChanged: The file is not *before* any more.
        UsageError: It cannot be written.
    """
    target = Path(os.path.realpath(path))
    temporary = ""
    try:
        if (now := target.read_bytes()) != before:
            raise SourceChanged(str(path), want=len(before), got=len(now))
        mode = stat.S_IMODE(target.stat().st_mode)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(after)
            os.fchmod(file.fileno(), mode)
        os.replace(temporary, target)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="make its directory writable") from error
    finally:
        if temporary:
            with suppress(FileNotFoundError):
                os.unlink(temporary)


def write_new_file(path: Path, data: bytes) -> None:
    """Write *data* to *path*, where nothing is yet.

    Raises:
        UsageError: Something is there, or it cannot be written.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), 0o644)
        if os.path.lexists(path):
            raise UsageError(f"{path} is there already", hint="try again: it was not there before")
        os.replace(temporary, path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="make its directory writable") from error
    finally:
        if temporary:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
