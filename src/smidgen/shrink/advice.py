"""What ``smidgen shrink`` advises, and what it found out about each advice: values.

Everywhere ``size`` is of all layers, uncompressed; ``pull`` is what a machine with nothing fetches; both in bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from smidgen.config.settings import Settings

#: All that can be tried, by name.
NAMES: Final = (
    *("optimise", "strip", "debug-data", "no-trimpath", "no-buildmode", "no-race", "no-msan", "no-asan", "no-cover"),
    *("http2", "grpc-trace", "zones-inside", "zones-beside", "no-inlining", "no-pgo", "amd64-v3"),
    *("gzip-harder", "gzip", "zstd", "zstd-harder", "base-scratch", "base-static"),
    *("upx", "upx-lzma", "methods", "assets"),
)


class Standing(StrEnum):
    """What following an advice means.

    SAFE: nothing that the program uses is lost; it can be written to smidgen.yaml.
    PRICE: something is lost, which only the user can weigh.
    YOURS: the user's own settings say otherwise, and keep their word.
    SOURCE: only a change of the program's source has it.
    """

    SAFE = "safe"
    PRICE = "price"
    YOURS = "yours"
    SOURCE = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One way to a smaller image.

    Attributes:
        name: A word, such as ``http2``.
        title: What it does.
        how: What to write, and where.
        loses: What it costs that is no bytes, in words.
        settings: The build's, with the advice followed.
        keys: What smidgen.yaml says then, key → value; empty where nothing can be written there.
        is_repacked: The same executable, so that nothing has to be linked.
        is_slow: It compiles every package once more.
        costs_speed: Code is compiled another way, so that its speed has to be measured too.
    """

    name: str
    title: str
    how: str
    loses: str
    standing: Standing
    settings: Settings
    keys: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    is_repacked: bool = False
    is_slow: bool = False
    costs_speed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What an image takes.

    Attributes:
        binary: Of its executable alone.
        size: Of all layers, uncompressed.
        pull: To pull.
    """

    binary: int
    size: int
    pull: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Something else that was measured, before and after.

    Attributes:
        what: Such as ``time to start``.
        unit: ``s``, ``ms``, ``us`` or ``B``.
        before: As it is now.
        after: With the advice followed.
    """

    what: str
    unit: str
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of an advice.

    Attributes:
        figures: None where it was not measured.
        fault: Why not; empty where it was.
        costs: What was measured beside bytes.
        chain: Packages from main to what has to change; empty where there is none.
        notes: What else there is to say, in sentences.
    """

    name: str
    title: str
    how: str
    loses: str
    standing: Standing
    keys: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    figures: Figures | None = None
    fault: str = ""
    costs: tuple[Cost, ...] = ()
    chain: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def is_worth_it(self, now: Figures) -> bool:
        """Say whether it saves something that is worth a line, and takes nothing elsewhere."""
        if self.figures is None:
            return False
        saved = (now.size - self.figures.size, now.pull - self.figures.pull)
        least = (now.size / _LEAST, now.pull / _LEAST)
        return min(saved) >= -max(least) / 10 and (saved[0] >= least[0] or saved[1] >= least[1])


# A thousandth: less is not worth a line in a configuration.
_LEAST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Heavy:
    """A package that brings many bytes.

    Attributes:
        package: Its import path.
        size: Bytes of it in the executable.
        pull: Bytes to pull, likewise.
        brings: Bytes of it and of all packages that are in the program because of it alone; None where that is unknown.
        brings_pull: Bytes to pull, likewise.
        packages: How many packages these are, itself included.
        chain: Packages from main to it.
    """

    package: str
    size: int
    pull: int
    brings: int | None
    brings_pull: int | None
    packages: int
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All that was found.

    Attributes:
        target: As it was asked for.
        program: Import path of the main package.
        platform: ``os/architecture``.
        now: The image as it would be built.
        rows: In the order in which they were tried.
        together: All safe rows at once; None where there are less than two that are worth it.
        heavy: Packages, those that bring most first.
        untried: What was left out, and how to have it tried, in sentences.
    """

    target: str
    program: str
    platform: str
    go_version: str
    now: Figures
    rows: tuple[Row, ...]
    together: Row | None
    heavy: tuple[Heavy, ...]
    untried: tuple[str, ...] = ()

    @property
    def safe(self) -> tuple[Row, ...]:
        """The rows that lose nothing, and are worth it."""
        return tuple(row for row in self.rows if row.standing is Standing.SAFE and row.is_worth_it(self.now))
