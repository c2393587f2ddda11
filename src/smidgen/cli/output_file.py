"""Writes a result to a file that the user named: the whole of it, or nothing."""

import os
from pathlib import Path

from smidgen.errors import StoreError


def write_output(path: Path, text: str) -> None:
    """Write *text* to *path* as UTF-8; what is there stays as it is until all is written.

    Raises:
        StoreError: It cannot be written.
    """
    # A terminal, a pipe or a device is written to and not replaced.
    is_special = path.exists() and not path.is_file()
    temporary = path if is_special else path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
            if not is_special:
                temporary.replace(path)
        finally:
            if not is_special:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}", hint="choose another place") from error
