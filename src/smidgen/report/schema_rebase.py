"""The shape of ``smidgen rebase --json`` and of ``smidgen lock --json``."""

from typing import Literal

import msgspec


class RebasedPlatform(msgspec.Struct, frozen=True, kw_only=True):
    """The image for one platform.

    Attributes:
        old: What it stood on, for people.
        old_digest: Of the old base's manifest.
        new: What it stands on now.
        new_digest: Of the new base's manifest.
    """

    platform: str
    digest: str
    old: str
    old_digest: str
    new: str
    new_digest: str


class RebaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        references: ``NAME:TAG@DIGEST``, as on standard output.
        digest: Of the new manifest or index.
        is_remote: Whether the references are of registries, rather than of the store.
        sent: Bytes that were sent to registries.
    """

    schema: Literal["smidgen.rebase/v1"] = "smidgen.rebase/v1"
    references: tuple[str, ...]
    digest: str
    is_remote: bool
    sent: int
    platforms: tuple[RebasedPlatform, ...]


class PinResult(msgspec.Struct, frozen=True, kw_only=True):
    """A base of the lock file.

    Attributes:
        reference: Whole, with a tag.
        digest: What it is pinned to.
        was: What it was pinned to before; empty where it was not.
        platforms: What it has an image for.
    """

    reference: str
    digest: str
    was: str
    platforms: tuple[str, ...]


class LockReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document of ``smidgen lock --json``.

    Attributes:
        file: The lock file.
        changed: Whether it was written, or with ``--check`` would be.
        removed: References that are pinned no more, as no program stands on them.
    """

    schema: Literal["smidgen.lock-report/v1"] = "smidgen.lock-report/v1"
    file: str
    changed: bool
    bases: tuple[PinResult, ...]
    removed: tuple[str, ...]
