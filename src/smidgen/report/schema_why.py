"""The shape of ``smidgen why --json``, stable within a ``schema`` value."""

from typing import Literal

import msgspec


class WhyStep(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol on the way, and its package, which is empty for what has none."""

    symbol: str
    package: str


class WhyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        target: What was linked.
        wanted: The package or the symbol that was asked for.
        kind: What that is.
        from_main: The chain begins in the program's own code; else where the runtime begins.
        size: Bytes on disk that the package has in the program; null for a symbol.
        pull: Bytes to pull, likewise.
        packages: The packages on the way.
        steps: From the begin to what was asked for; each uses the next.
    """

    schema: Literal["smidgen.why/v1"] = "smidgen.why/v1"
    target: str
    wanted: str
    kind: Literal["package", "symbol"]
    from_main: bool
    size: int | None
    pull: int | None
    packages: tuple[str, ...]
    steps: tuple[WhyStep, ...]
