"""Where a closure goes in an image, so that its loader finds all of it with no settings and no cache.

A library stays where it was found if that is one of the loader's own directories; any other one goes into the first of
these, under the name that it is asked for by. The loader knows each name once, so that one directory serves as well as
several did. What is asked for by a path stays at that path, and so does the loader.
"""

import posixpath
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from smidgen.errors import DynamicExecutable
from smidgen.image.assemble import LayerRecipe
from smidgen.image.entry_key import entries_key
from smidgen.layer.entry import Entry
from smidgen.needs.ca import PATH as CERTIFICATES
from smidgen.needs.closure.closure import Closure, Library, Reason
from smidgen.needs.closure.unseen import is_of_c_library

_SHOWN: Final = 3


def image_path(library: Library, closure: Closure) -> str:
    """Give the absolute path that a library has in an image."""
    if library.reason is Reason.INTERPRETER or "/" in library.name:
        return posixpath.normpath(library.name)
    if posixpath.dirname(library.path) in closure.directories:
        return library.path
    return posixpath.join(closure.directories[0], library.name)


def closure_layers(closure: Closure, *, certificates: bool) -> tuple[LayerRecipe, ...]:
    """Make the layers of a closure, what changes least first: the C library, then the others.

    Args:
        closure: A whole one.
        certificates: Whether the image has our CA certificates: OpenSSL is led to them.

    Raises:
        DynamicExecutable: Two libraries would be at one path.
    """
    parts: tuple[list[Entry], list[Entry]] = ([], [])
    names: list[str] = []
    taken: dict[str, str] = {}
    for one in closure.libraries:
        path = image_path(one, closure)
        if taken.setdefault(path, one.file) != one.file:
            raise DynamicExecutable(
                f"{taken[path]} and {one.file} would both be {path} in the image",
                hint="link the program so that one of them serves all",
            )
        entry = Entry.file(path.lstrip("/"), Path(one.file), mode=0o755)
        aliases = [Entry.symlink(_beside(path, alias).lstrip("/"), path) for alias in one.aliases]
        own = one.reason is Reason.INTERPRETER or is_of_c_library(one.path)
        parts[0 if own else 1].extend((entry, *aliases))
        if not own:
            names.append(posixpath.basename(path))
    parts[1].extend(_links(closure, certificates=certificates))
    lines = (closure.c_library, _names(names) if names else "links")
    sorted_parts = (tuple(sorted(part, key=lambda one: one.path)) for part in parts)
    return tuple(
        LayerRecipe(entries=_giver(entries), created_by=line, key=f"closure\0{entries_key(entries)}")
        for entries, line in zip(sorted_parts, lines, strict=True)
        if entries
    )


def _links(closure: Closure, *, certificates: bool) -> Iterator[Entry]:
    """OpenSSL looks for a file in a directory of its own, which is built in."""
    if closure.openssl and certificates:
        yield Entry.symlink(f"{closure.openssl.strip('/')}/cert.pem", f"/{CERTIFICATES}")


def _beside(path: str, alias: str) -> str:
    return alias if "/" in alias else posixpath.join(posixpath.dirname(path), alias)


def _giver(entries: tuple[Entry, ...]) -> Callable[[], tuple[Entry, ...]]:
    return lambda: entries


def _names(names: list[str]) -> str:
    rest = len(names) - _SHOWN
    shown = ", ".join(names[: _SHOWN if rest > 1 else None])
    return f"{shown} and {rest} more" if rest > 1 else shown
