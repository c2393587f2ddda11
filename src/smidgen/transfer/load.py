"""All images of an archive or a layout into the store, under the names that they bring."""

from pathlib import Path
from typing import BinaryIO

from smidgen.image.image import Image
from smidgen.oci.digest import Digest, encoded
from smidgen.oci.reference import Reference
from smidgen.store.archive import Item, read_archive, read_layout
from smidgen.store.content import ContentStore
from smidgen.store.faults import ELSEWHERE, reporting


def load_images(store: ContentStore, source: Path | BinaryIO, *, name: str | None = None) -> tuple[Image, ...]:
    """Read the images of *source* into *store* and tag them.

    Args:
        store: Where they go.
        source: An archive's file, an image layout's directory, or an archive that is open for reading.
        name: For an image that brings none; else it is called ``loaded:`` and the begin of its digest, as what has
            no tag is not kept.

    Raises:
        ContentError: It is damaged, hostile, or no archive of images.
        StoreError: The file cannot be read, or *store* not written.
    """
    wanted = Reference.parse(name).with_default_tag() if name else None
    with store.writing():
        named = [(own or wanted or name_without(found.digest), found) for own, found in _items(store, source)]
        store.tag_all(dict(named))
    return tuple(Image(store, found, called) for called, found in named)


def name_without(digest: Digest) -> Reference:
    """Name an image that brings no name, so that it is kept."""
    return Reference.parse(f"loaded:{encoded(digest)[:12]}")


def _items(store: ContentStore, source: Path | BinaryIO) -> tuple[Item, ...]:
    if not isinstance(source, Path):
        return read_archive(store, source)
    if source.is_dir():
        return read_layout(store, source)
    with reporting("read", source, instead=ELSEWHERE):
        file = source.open("rb")
    with file:
        return read_archive(store, file)
