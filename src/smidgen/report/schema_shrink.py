"""The shape of ``smidgen shrink --json``, stable within a ``schema`` value."""

from collections.abc import Mapping
from typing import Literal

import msgspec


class ShrinkFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What an image takes.

    Attributes:
        binary: Bytes of its executable.
        size: Bytes of all layers, uncompressed.
        pull_size: Bytes that a machine with nothing fetches.
    """

    binary: int
    size: int
    pull_size: int


class ShrinkCost(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured beside bytes.

    Attributes:
        what: Such as ``time to start``.
        unit: ``s``, ``ms``, ``us`` or ``B`` (bytes).
        before: As it is now.
        after: With the advice followed.
    """

    what: str
    unit: str
    before: float
    after: float


class ShrinkRow(msgspec.Struct, frozen=True, kw_only=True):
    """An advice, and what came of it.

    Attributes:
        name: A word, such as ``http2``.
        title: What it does.
        how: What to write, and where.
        loses: What it costs that is no bytes.
        standing: ``safe``: nothing that the program uses is lost; ``price``: the user has to weigh it; ``yours``: the
            user's own settings say otherwise; ``source``: only other source code has it.
        keys: What smidgen.yaml says then; empty where nothing is written.
        figures: Null where it was not measured.
        saved_size: Bytes of layers, uncompressed; negative where it takes more; null likewise.
        saved_pull_size: Bytes to pull, likewise.
        worth_it: It saves a thousandth or more, and takes nothing elsewhere.
        fault: Why it was not measured; empty where it was.
        chain: Packages from main to what has to change.
        notes: What else there is to say.
    """

    name: str
    title: str
    how: str
    loses: str
    standing: Literal["safe", "price", "yours", "source"]
    keys: Mapping[str, str | tuple[str, ...]]
    figures: ShrinkFigures | None
    saved_size: int | None
    saved_pull_size: int | None
    worth_it: bool
    fault: str
    costs: tuple[ShrinkCost, ...]
    chain: tuple[str, ...]
    notes: tuple[str, ...]


class ShrinkPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package that brings many bytes.

    Attributes:
        package: Its import path.
        size: Bytes of it in the executable.
        pull_size: Bytes to pull, likewise.
        brings: Bytes of it and of the packages that nothing else imports; null where Go does not tell imports.
        brings_pull_size: Bytes to pull, likewise.
        packages: How many packages these are, itself included.
        chain: Packages from main to it.
    """

    package: str
    size: int
    pull_size: int
    brings: int | None
    brings_pull_size: int | None
    packages: int
    chain: tuple[str, ...]


class ShrinkReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        target: As it was asked for.
        program: Import path of the main package.
        platform: ``os/architecture[/variant]``; of several the first.
        now: The image as it would be built.
        rows: Each advice on its own.
        together: All safe ones that are worth it, in one build; null where there are less than two.
        packages: Those that bring most first.
        untried: What was left out, and how to have it tried.
        written: The file that ``--apply`` wrote; empty where it wrote none.
        applied: Names of the rows that it wrote there.
    """

    schema: Literal["smidgen.shrink/v1"] = "smidgen.shrink/v1"
    target: str
    program: str
    platform: str
    go_version: str
    now: ShrinkFigures
    rows: tuple[ShrinkRow, ...]
    together: ShrinkRow | None
    packages: tuple[ShrinkPackage, ...]
    untried: tuple[str, ...]
    written: str = ""
    applied: tuple[str, ...] = ()
