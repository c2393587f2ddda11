"""The shapes of ``--json`` of the commands that talk to registries: stable within a ``schema`` value.

Sizes are in bytes, as stored; what went to two places counts twice.
"""

from typing import Literal

import msgspec


class PlacedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that is where it was to go.

    Attributes:
        source: Where it came from, with the transport; a name alone is one of the store.
        destination: Where it is now, likewise.
        reference: Its whole name there, or null where it has none.
        media_type: Of the manifest or index.
    """

    source: str
    destination: str
    reference: str | None
    digest: str
    media_type: str


class MoveReport(msgspec.Struct, frozen=True, kw_only=True):
    """``smidgen push --json``, ``smidgen pull --json`` and ``smidgen copy --json``.

    Attributes:
        sent: Bytes to registries.
        fetched: Bytes from registries, or from one registry to another.
        moved: How many blobs and documents travelled.
        mounted: How many blobs a registry had in another repository.
        there: How many blobs and documents were where they should go.
        seconds: Wall time.
    """

    schema: Literal["smidgen.copy/v1"] = "smidgen.copy/v1"
    images: tuple[PlacedImage, ...]
    sent: int
    fetched: int
    moved: int
    mounted: int
    there: int
    seconds: float


class RepositoryTags(msgspec.Struct, frozen=True, kw_only=True):
    """``smidgen tags --json``; the tags in the order of the registry."""

    schema: Literal["smidgen.tags/v1"] = "smidgen.tags/v1"
    repository: str
    tags: tuple[str, ...]


class DeletedImage(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is no longer in a registry.

    Attributes:
        reference: The whole name.
        what: ``tag``, or ``image`` where the manifest or index went with all its tags.
        digest: Of what the tag named, or of the image.
    """

    reference: str
    what: str
    digest: str


class DeletionReport(msgspec.Struct, frozen=True, kw_only=True):
    """``smidgen delete --json``."""

    schema: Literal["smidgen.delete/v1"] = "smidgen.delete/v1"
    deleted: tuple[DeletedImage, ...]
