"""Writes files of a project: all or none, and none that is there unless that is asked for."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from smidgen.errors import StoreError, UsageError
from smidgen.store.faults import ELSEWHERE, store_error


def write_files(directory: Path, files: Mapping[str, str], *, force: bool) -> tuple[str, ...]:
    """Write *files*, relative path → text, below *directory*; give those that were not so before.

    Raises:
        UsageError: A file is there and says something else, and *force* is not set.
        StoreError: It cannot be written.
    """
    fresh = {name: text for name, text in files.items() if _read(directory / name) != text}
    if there := [name for name in fresh if os.path.lexists(directory / name)]:
        if not force:
            are = "is" if len(there) == 1 else "are"
            raise UsageError(f"{', '.join(there)} {are} there already", hint="--force overwrites")
        for name in there:
            if os.path.islink(directory / name) or not os.path.isfile(directory / name):
                raise UsageError(f"{name} is no plain file", hint="move it away")
    drafts: dict[str, Path] = {}
    try:
        for name, text in fresh.items():
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            drafts[name] = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
            drafts[name].write_text(text, encoding="utf-8")
        for name, draft in drafts.items():
            draft.rename(directory / name)
    except OSError as error:
        raise _fault(error, directory) from error
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return tuple(fresh)


def _fault(error: OSError, directory: Path) -> StoreError:
    return store_error(error, "write", error.filename or directory, instead=ELSEWHERE)


def _read(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read(1 << 20)
    except (OSError, UnicodeDecodeError):
        return None
