"""What is remembered of programs that are not Go: what was read from them, under a digest of what went in."""

import os
from contextlib import suppress
from typing import Final, TypeVar

import msgspec

from smidgen.store.content import ContentStore
from smidgen.store.replace import replace_file

_KEPT: Final = 256
_Kept = TypeVar("_Kept", bound=msgspec.Struct)


def recall(store: ContentStore, key: str, kind: type[_Kept]) -> _Kept | None:
    """Give what was remembered under *key*, or None."""
    try:
        with open(_path(store, key), "rb") as file:
            return msgspec.json.decode(file.read(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def remember(store: ContentStore, key: str, kept: msgspec.Struct) -> None:
    """Keep something under *key*; where that cannot be done, the compiler runs again."""
    path = _path(store, key)
    with suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        replace_file(path, msgspec.json.encode(kept))
        _forget(os.path.dirname(path))


def _path(store: ContentStore, key: str) -> str:
    return os.path.join(store.root, "cache", "sources", key)


def _forget(folder: str) -> None:
    paths = [entry.path for entry in os.scandir(folder)]
    if len(paths) > _KEPT:
        for path in sorted(paths, key=lambda one: os.stat(one).st_mtime_ns)[: _KEPT // 2]:
            os.unlink(path)
