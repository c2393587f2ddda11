"""Images as an OCI image layout in a directory of the user's.

Unlike the store it has no locks and no files but those of the specification, and its entries are
named as other tools expect it (``smidgen.store.naming``).

Source: OCI image-spec v1.1.1, ``image-layout.md``.
"""

import io
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from smidgen.errors import InvalidContent, NotFound, StoreError
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import encoded
from smidgen.oci.manifest import MAX_DOCUMENT, encode
from smidgen.oci.media_types import INDEXES
from smidgen.store.blobs import CHUNK
from smidgen.store.closure import DOCUMENTS, children, held
from smidgen.store.content import LAYOUT, ContentStore, is_layout
from smidgen.store.faults import ELSEWHERE, reporting, store_error
from smidgen.store.naming import Item, entries_of, parse_name
from smidgen.store.tags import EMPTY, read_index, untagged


def write_layout(store: ContentStore, items: Iterable[Item], directory: Path, *, ref_name: str = "") -> None:
    """Write *items* to *directory*: a new one, an empty one, or an image layout, which is added to.

    Entries of the same name are replaced. ``index.json`` is replaced last, so a layout that was
    whole stays so whatever happens.

    Args:
        store: Has their content.
        items: Name and manifest or index of each image.
        directory: Where to.
        ref_name: The very ``ref.name`` that the only one of *items* is to have.

    Raises:
        NotFound: Content of an image is not in the store; nothing was written.
        StoreError: *directory* has something else in it, or cannot be written.
    """
    items = tuple(items)
    blobs = held(store, (descriptor for _, descriptor in items))
    with reporting("write", directory, instead=ELSEWHERE):
        directory.mkdir(parents=True, exist_ok=True)
        there = is_layout(directory)
        if not there and (strangers := os.listdir(directory)):
            raise StoreError(
                f"{directory} is not empty and not an image layout: it has {min(strangers)!r}",
                hint="give a new or empty directory",
            )
        (directory / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        for descriptor in blobs:
            _write_blob(store, descriptor, directory)
        index = read_index(directory) if there else EMPTY
        index = msgspec.structs.replace(index, manifests=entries_of(items, index.manifests, ref_name=ref_name))
        _replace(directory / "index.json", lambda file: file.write(encode(index)))
        if not there:
            _replace(directory / "oci-layout", lambda file: file.write(LAYOUT))


def read_layout(store: ContentStore, directory: Path) -> tuple[Item, ...]:
    """Copy all images of the image layout *directory* into *store*; they get no tags there.

    Hold ``store.writing()`` until they have. Every blob is checked.

    Raises:
        NotFound: *directory* is no image layout, or lacks a blob.
        ContentError: A blob is not what its descriptor says.
        StoreError: *directory* cannot be read, or *store* not written.
    """
    entries = layout_entries(directory)
    read_entries(store, directory, entries)
    return tuple((parse_name(entry), untagged(entry)) for entry in entries)


def layout_entries(directory: Path) -> tuple[Descriptor, ...]:
    """Give the entries of the image layout *directory*, with the annotations that name them.

    Raises:
        NotFound: *directory* is no image layout.
        StoreError: It cannot be read.
    """
    if not is_layout(directory):
        raise NotFound(f"image layout {directory}", hint="expected a directory with the file oci-layout")
    return read_index(directory).manifests


def read_entries(store: ContentStore, directory: Path, entries: Sequence[Descriptor]) -> None:
    """Copy *entries* of the image layout *directory* into *store*, as ``read_layout`` does with all of them.

    Raises:
        NotFound: *directory* lacks a blob.
        ContentError: A blob is not what its descriptor says.
        StoreError: *directory* cannot be read, or *store* not written.
    """
    for entry in entries:
        _copy(store, entry, directory)
    held(store, entries)


def _write_blob(store: ContentStore, descriptor: Descriptor, directory: Path) -> None:
    target = directory / "blobs" / "sha256" / encoded(descriptor.digest)
    with suppress(FileNotFoundError):
        if target.stat().st_size == descriptor.size:
            return
    with store.open_blob(descriptor) as stream:

        def write(file: BinaryIO) -> None:
            while data := stream.read(CHUNK):
                file.write(data)

        _replace(target, write)


def _replace(target: Path, write: Callable[[BinaryIO], object]) -> None:
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with temporary.open("wb", buffering=0) as file:
            write(file)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _copy(store: ContentStore, entry: Descriptor, directory: Path) -> None:
    """Copy *entry* and all below it, children after parents as only these name them."""
    if entry.media_type not in DOCUMENTS:
        raise InvalidContent(f"entry {entry.digest} of {directory}/index.json", f"{entry.media_type} is no image")
    waiting, seen = [entry], {entry.digest}
    while waiting:
        descriptor = waiting.pop()
        if descriptor.media_type in DOCUMENTS and descriptor.size > MAX_DOCUMENT:
            raise InvalidContent(f"entry {descriptor.digest}", f"{descriptor.size} bytes are too many for a manifest")
        if not store.has(descriptor):
            with open_layout_blob(directory, descriptor) as stream:
                store.put_stream(descriptor, stream)
        below = children(store, descriptor)
        if descriptor.media_type in INDEXES:
            # Images of platforms that nobody fetched may be absent, but not all of them.
            below = tuple(child for child in below if _is_there(directory, child)) or below
        new = [child for child in below if child.digest not in seen]
        seen.update(child.digest for child in new)
        waiting.extend(reversed(new))


def _blob_path(directory: Path, descriptor: Descriptor) -> str:
    return f"{directory}/blobs/sha256/{encoded(descriptor.digest)}"


def _is_there(directory: Path, descriptor: Descriptor) -> bool:
    return os.path.exists(_blob_path(directory, descriptor))


def open_layout_blob(directory: Path, descriptor: Descriptor) -> BinaryIO:
    """Open a blob of the image layout *directory*; nothing checks what is read.

    Raises:
        NotFound: It is not there.
        InvalidContent: It is no regular file.
        StoreError: It cannot be read.
    """
    path = _blob_path(directory, descriptor)
    try:
        # A named pipe must not hold us up; a link may point anywhere, as the bytes are checked.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(f"blob {descriptor.digest} in {directory}", hint="the layout is not whole") from None
    except OSError as error:
        raise store_error(error, "read", path, instead=ELSEWHERE) from error
    file = io.FileIO(number)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        file.close()
        raise InvalidContent(path, "not a regular file")
    return io.BufferedReader(file, CHUNK)
