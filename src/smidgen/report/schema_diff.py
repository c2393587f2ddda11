r"""The shape of ``smidgen diff --json``: stable within a ``schema`` value.

Sizes are in bytes: ``before`` is of the first, ``after`` of the second. ``pull_…`` is what is stored and travels.
Texts that are no UTF-8 have ``\xNN`` in their place.
"""

from typing import Literal

import msgspec


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two.

    Attributes:
        kind: ``image`` or ``executable``.
        digest: Of the image's manifest, or of the executable.
        platform: Such as ``linux/amd64``.
        size: Of the uncompressed layers, or of the executable.
        pull_size: Of manifest, configuration and layers as they are stored; of an executable what it would take in a
            layer of smidgen's.
        layers: How many; 0 for an executable.
    """

    name: str
    kind: Literal["image", "executable"]
    digest: str
    platform: str
    size: int
    pull_size: int
    layers: int


class ChangedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A path that differs.

    Attributes:
        what: What differs of one that both have: ``content``, ``mode``, ``owner``, ``kind``, ``link``, ``device``,
            ``attributes``.
    """

    path: str
    how: Literal["added", "removed", "changed"]
    what: tuple[str, ...]
    before: int
    after: int
    pull_before: int
    pull_after: int


class ChangedValue(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the configuration, a module or a need; null where one of the two has it not."""

    name: str
    before: str | None
    after: str | None


class ChangedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package of a program, or what else its bytes belong to."""

    name: str
    before: int
    after: int
    pull_before: int
    pull_after: int


class ChangedProgram(msgspec.Struct, frozen=True, kw_only=True):
    """An executable that differs, and what is inside.

    Attributes:
        path: Where it is in the second, or in the first where it is gone.
        path_before: Where it was in the first, or null.
        packages: Those that differ in size, the most first.
        modules: Versions that differ.
        build: The Go release and build settings that differ.
        needs: What it needs at run time, with how sure that is.
        problem: Why one of the two could not be read, or null.
    """

    path: str
    path_before: str | None
    before: int
    after: int
    pull_before: int
    pull_after: int
    packages: tuple[ChangedPackage, ...]
    modules: tuple[ChangedValue, ...]
    build: tuple[ChangedValue, ...]
    needs: tuple[ChangedValue, ...]
    problem: str | None = None


class DiffReport(msgspec.Struct, frozen=True, kw_only=True):
    """``smidgen diff --json``.

    Attributes:
        update_size: What a machine that has the first fetches to have the second; null unless both are images.
        files: The most changed in size first; empty unless both are images.
        config: What containers are started with.
        programs: Executables that differ.
    """

    schema: Literal["smidgen.diff/v1"] = "smidgen.diff/v1"
    before: Side
    after: Side
    update_size: int | None
    files: tuple[ChangedFile, ...]
    config: tuple[ChangedValue, ...]
    programs: tuple[ChangedProgram, ...]
