"""The shape of ``smidgen check --json``: stable within a ``schema`` value. Sizes are in bytes."""

from typing import Literal

import msgspec


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the budget, and what came of it.

    Attributes:
        key: Such as ``pull_size``; every package has ``packages``.
        name: The package or pattern, else null.
        limit: As it stands in the file.
        held: Whether the image keeps it.
        got: What the image has: bytes, layers, or needs beyond those allowed; null for what is no number.
        most: What it may have, likewise.
        before: What the other image has, for growth; else null.
        message: What is wrong, in a sentence; null where it is kept.
        file: Where the line stands.
        line: Its number, from 1.
        column: Where its key begins, from 1.
        end_column: Behind the end of the key.
    """

    key: str
    name: str | None
    limit: str
    held: bool
    got: int | None
    most: int | None
    before: int | None
    message: str | None
    file: str
    line: int
    column: int
    end_column: int


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """``smidgen check --json``.

    Attributes:
        against: The other image, or null.
        passed: Whether every line is kept.
        checks: In the order of the file.
    """

    schema: Literal["smidgen.check/v1"] = "smidgen.check/v1"
    name: str
    digest: str
    platform: str
    against: str | None
    passed: bool
    checks: tuple[CheckResult, ...]
