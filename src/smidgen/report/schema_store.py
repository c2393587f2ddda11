r"""The shapes of ``--json`` of the commands of the store: stable within a ``schema`` value.

Sizes are in bytes: ``size`` is that of the uncompressed layers, ``pull_size`` of what is stored and
travels. A ``size`` is null where content is absent or of an unknown kind. Texts that are no UTF-8 in
an image have ``\xNN`` in their place.
"""

from typing import Literal

import msgspec


class StoredPlatform(msgspec.Struct, frozen=True, kw_only=True):
    """A single image.

    Attributes:
        created: RFC 3339, or null where the image does not say.
    """

    platform: str
    digest: str
    created: str | None
    size: int | None
    pull_size: int


class StoredImage(msgspec.Struct, frozen=True, kw_only=True):
    """A name and what it names.

    Attributes:
        reference: The whole name, or null for what has none.
        repository: Its name as people write it, or ``<none>``.
        tag: Or ``<none>``.
        created: Of the newest of its platforms.
        size: Of all platforms; a layer that several share counts once.
        pull_size: Likewise, with manifests and configurations.
        problem: Why it cannot be used, or null.
    """

    reference: str | None
    repository: str
    tag: str
    digest: str
    media_type: str
    created: str | None
    platforms: tuple[StoredPlatform, ...]
    size: int | None
    pull_size: int
    problem: str | None = None


class ImagesReport(msgspec.Struct, frozen=True, kw_only=True):
    """``smidgen images --json``."""

    schema: Literal["smidgen.images/v1"] = "smidgen.images/v1"
    images: tuple[StoredImage, ...]


class HistoryStep(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the history; ``digest``, ``diff_id`` and ``media_type`` are null where it made no layer."""

    created: str | None
    created_by: str
    comment: str
    digest: str | None
    diff_id: str | None
    media_type: str | None
    size: int | None
    pull_size: int


class HistoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """``smidgen history --json``; newest first."""

    schema: Literal["smidgen.history/v1"] = "smidgen.history/v1"
    name: str
    digest: str
    platform: str
    history: tuple[HistoryStep, ...]


class InspectedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An item of the list that ``smidgen inspect`` prints: a single image, its documents exactly as they are stored.

    Attributes:
        name: What was asked for.
        tags: All names of the image in the store, or of the index that it was picked from.
        index_digest: The digest of that index, or null.
        index: That index, or null.
    """

    schema: Literal["smidgen.inspect/v1"] = "smidgen.inspect/v1"
    name: str
    tags: tuple[str, ...]
    digest: str
    media_type: str
    platform: str
    size: int | None
    pull_size: int
    index_digest: str | None
    index: msgspec.Raw | None
    manifest: msgspec.Raw
    config: msgspec.Raw


class ListedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an image.

    Attributes:
        path: Absolute.
        kind: ``file``, ``directory``, ``symlink``, ``hardlink``, ``character device``, ``block device``, ``fifo``.
        mode: Permission bits in octal, such as ``0755``.
        mtime: Seconds since 1970.
        link: What a link points to, or null.
        layer: Digest of the layer it comes from; null for a directory that no layer has an entry of.
        change: With ``--layer``, what that layer does: ``added``, ``changed``, ``deleted``, or ``hidden`` for all that
            the layers below have in a directory; else null.
    """

    path: str
    kind: str
    mode: str
    uid: int
    gid: int
    size: int
    mtime: int
    link: str | None
    layer: str | None
    change: str | None = None


class ListingReport(msgspec.Struct, frozen=True, kw_only=True):
    """``smidgen ls --json``."""

    schema: Literal["smidgen.ls/v1"] = "smidgen.ls/v1"
    name: str
    digest: str
    platform: str
    files: tuple[ListedFile, ...]


class TagReport(msgspec.Struct, frozen=True, kw_only=True):
    """A name and what it names; the name is null for what has none."""

    reference: str | None
    digest: str


class NamingReport(msgspec.Struct, frozen=True, kw_only=True):
    """``smidgen tag --json``."""

    schema: Literal["smidgen.tag/v1"] = "smidgen.tag/v1"
    reference: str
    digest: str


class RemovalReport(msgspec.Struct, frozen=True, kw_only=True):
    """``smidgen rm --json``."""

    schema: Literal["smidgen.rm/v1"] = "smidgen.rm/v1"
    untagged: tuple[TagReport, ...]


class CollectionReport(msgspec.Struct, frozen=True, kw_only=True):
    """``smidgen gc --json``.

    Attributes:
        deleted: Digests of what no image needs, in the order of deletion.
        damaged: Digests of what an image needs but was damaged; looked for with ``--verify``.
        reclaimed: Bytes of what was deleted, half-written files included.
    """

    schema: Literal["smidgen.gc/v1"] = "smidgen.gc/v1"
    dry_run: bool
    deleted: tuple[str, ...]
    damaged: tuple[str, ...]
    reclaimed: int


class TransferReport(msgspec.Struct, frozen=True, kw_only=True):
    """``smidgen save --json`` and ``smidgen load --json``."""

    schema: Literal["smidgen.transfer/v1"] = "smidgen.transfer/v1"
    images: tuple[TagReport, ...]
