"""Writes a result to a file that the user named: the whole of it, or nothing."""

from pathlib import Path

from smidgen.errors import StoreError
from smidgen.store.replace import replace_file


def write_output(path: Path, text: str) -> None:
    """Write *text* to *path* as UTF-8; what is there stays as it is until all is written.

    Raises:
        StoreError: It cannot be written.
    """
    # A terminal, a pipe or a device is written to and not replaced.
    is_special = path.exists() and not path.is_file()
    data = text.encode("utf-8", errors="backslashreplace")
    try:
        if is_special:
            path.write_bytes(data)
        else:
            replace_file(path, data)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}", hint="choose another place") from error
