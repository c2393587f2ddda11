"""Leaves the note that ``smidgen.cli.quick`` answers the next build from."""

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smidgen.cli.quick import note_path, signature
from smidgen.oci.digest import Digest
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.gobuild.built import Built
    from smidgen.gobuild.watch import Watch
    from smidgen.image.image import Image

_KEPT = 256
# Packages whose files decide bytes of an image, or what is said of it.
_PACKAGES = ("smidgen", "certifi", "tzdata", "deflate", "zstandard", "msgspec")


@dataclass(frozen=True, slots=True)
class Said:
    """What a build printed.

    Attributes:
        result: To standard output.
        plain: To standard error.
        coloured: The same for a terminal that takes colours.
    """

    result: str
    plain: str
    coloured: str


def leave(arguments: Sequence[str], images: "Sequence[Built]", watch: "Watch", said: Said) -> None:
    """Write the note of a build whose only output was the store; one that cannot be written is no error."""
    path = note_path(list(arguments))
    if path is None:
        return
    store = images[0].image.store
    watched = {name: " ".join(map(str, taken)) for name, taken in watch.signatures.items()}
    for name in (f"{store.root}/index.json", *_blobs(images), *_modules()):
        watched[str(name)] = signature(str(name))
    commands = [
        text
        for command, answer in watch.commands.items()
        for text in ("\n".join(command), hashlib.sha256(answer).hexdigest() if answer is not None else "")
    ]
    fields = [
        *_list(commands),
        *_list([text for name, taken in watched.items() for text in (name, taken, watch.contents.get(name, ""))]),
        *_list(watch.absent),
        *_list(watch.compiler.arguments if watch.compiler else ()),
        *_list([text for item in watch.compiler.changes for text in item] if watch.compiler else ()),
        said.result,
        said.plain,
        said.coloured,
    ]
    if any("\0" in field for field in fields) or any("\n" in word for command in watch.commands for word in command):
        return
    with suppress(OSError):
        _write(path, "\0".join(fields).encode("utf-8", "surrogateescape"))


def leave_plain(
    arguments: Sequence[str], store: ContentStore, digests: Iterable[Digest], watched: dict[str, str], said: Said
) -> None:
    """Write the note of a build of which the outcome follows from files alone.

    Args:
        arguments: The command line, without the program's name.
        store: Where the image is.
        digests: Of all that it is made of.
        watched: Path → signature, as ``quick.signature`` renders it; empty for what must not be there.
        said: What it printed.
    """
    path = note_path(list(arguments))
    if path is None:
        return
    names = [f"{store.root}/index.json", *(str(store.blob_path(digest)) for digest in digests), *_modules()]
    all_watched = watched | {name: signature(name) for name in names}
    there = {name: taken for name, taken in all_watched.items() if taken}
    fields = [
        *_list(()),
        *_list([text for name, taken in there.items() for text in (name, taken, "")]),
        *_list([name for name, taken in all_watched.items() if not taken]),
        *_list(()),
        *_list(()),
        said.result,
        said.plain,
        said.coloured,
    ]
    if any("\0" in field for field in fields):
        return
    with suppress(OSError):
        _write(path, "\0".join(fields).encode("utf-8", "surrogateescape"))


def _list(items: Iterable[str]) -> list[str]:
    fields = list(items)
    return [str(len(fields)), *fields]


def _blobs(images: "Iterable[Built]") -> Iterator[str]:
    for built in images:
        store = built.image.store
        singles: list[Image] = [one.image for one in built.platforms]
        yield str(store.blob_path(built.image.digest))
        for image in singles:
            manifest = image.manifest
            digests: list[Digest] = [image.digest, manifest.config.digest, *(layer.digest for layer in manifest.layers)]
            yield from (str(store.blob_path(digest)) for digest in digests)


def _modules() -> Iterator[str]:
    """Name the files of the code that made the image: of ourselves while we are developed, and of what we use."""
    for name, module in tuple(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name.partition(".")[0] in _PACKAGES:
            yield file


def _write(path: str, data: bytes) -> None:
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, path)
    names = os.listdir(folder)
    if len(names) > _KEPT:
        paths = sorted((os.path.join(folder, name) for name in names), key=lambda one: os.lstat(one).st_mtime_ns)
        for old in paths[: _KEPT // 2]:
            with suppress(OSError):
                os.unlink(old)
