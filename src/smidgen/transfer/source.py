"""An image of this machine, wherever it is, as content that can be read: the places to copy from, but registries."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from smidgen.errors import NotFound, StoreError
from smidgen.image.image import Image
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from smidgen.store.faults import ELSEWHERE, reporting
from smidgen.store.naming import parse_name
from smidgen.store.tags import untagged
from smidgen.transfer.endpoint import ArchiveFile, DaemonImage, LayoutDirectory, Stored

LocalSource = Stored | LayoutDirectory | ArchiveFile | DaemonImage


@dataclass(frozen=True, slots=True)
class Found:
    """An image that can be read.

    Attributes:
        store: Has its content; of a layout it is that layout.
        reference: What it was called there, or None.
    """

    store: ContentStore
    descriptor: Descriptor
    reference: Reference | None


@contextmanager
def opened(
    source: LocalSource, store: ContentStore, *, keep: bool, environ: Mapping[str, str] | None = None
) -> Iterator[Found]:
    """Find *source*, as long as the block takes.

    Args:
        source: Where it is.
        store: The content store.
        keep: Whether its content is to be in *store*, for which ``store.writing()`` must be held; else what has to
            be unpacked is put into a directory that is deleted in the end, and *store* is not written.
        environ: Says where Docker's engine is.

    Raises:
        NotFound: It is not there.
        UsageError: It could be one of several.
        ContentError: It is damaged.
        SandboxError: The engine cannot be asked.
    """
    match source:
        case Stored(name):
            image = Image.resolve(store, name)
            yield Found(store, image.descriptor, image.reference)
        case LayoutDirectory(path, name, digest):
            yield _in_layout(path, name, digest, store if keep else None)
        case ArchiveFile():
            from smidgen.store.archive import read_archive_entries  # as all of these: not for registries

            with _place(store, keep=keep) as place:
                with _opened_file(source.path) as file:
                    entries = read_archive_entries(place, file)
                yield _found(place, entries, source.name, where=str(source.path))
        case DaemonImage(name):
            from smidgen.store.archive import read_archive_entries
            from smidgen.transfer.engine import saved_by_docker

            with _place(store, keep=keep) as place:
                with saved_by_docker(name, environ=environ) as stream:
                    entries = read_archive_entries(place, stream)
                yield _found(place, entries, "", where="what docker gave")


@contextmanager
def _opened_file(path: Path) -> Iterator[BinaryIO]:
    try:
        with reporting("read", path, instead=ELSEWHERE):
            file = path.open("rb")
    except StoreError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise NotFound(
                f"archive {path}", hint="expected a file that `smidgen save` or another tool wrote"
            ) from None
        raise
    with file:
        yield file


def _in_layout(path: Path, name: str, digest: Digest | None, store: ContentStore | None) -> Found:
    from smidgen.store.archive import choose, layout_entries, read_entries

    entry = choose(layout_entries(path), name, digest=digest, where=str(path))
    if store is not None:
        read_entries(store, path, (entry,))
    # A layout is a store that nobody writes: what is read from it is checked, too.
    return Found(store or ContentStore.open(path, create=False), untagged(entry), parse_name(entry))


def _found(store: ContentStore, entries: Sequence[Descriptor], name: str, *, where: str) -> Found:
    from smidgen.store.archive import choose

    entry = choose(entries, name, where=where)
    return Found(store, untagged(entry), parse_name(entry))


@contextmanager
def _place(store: ContentStore, *, keep: bool) -> Iterator[ContentStore]:
    """Give *store*, or another one that lasts as long as the block."""
    if keep:
        yield store
        return
    import tempfile

    # Not /tmp, which is memory on many machines; as skopeo and podman have it.
    parent = os.environ.get("TMPDIR") or "/var/tmp"  # noqa: S108
    with reporting("write", parent, instead="name another place with TMPDIR"):
        directory = tempfile.TemporaryDirectory(prefix="smidgen-copy-", dir=parent)
    with directory as name:
        try:
            yield ContentStore.open(Path(name))
        except StoreError as error:
            if name in error.message:
                error.hint = "TMPDIR names the place for what an archive unpacks to: make room, or name another"
            raise
