"""Findings: what a rule has to say about a place of a Dockerfile, and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from smidgen.dockerfile.location import Location

Origin: TypeAlias = Literal["smidgen", "hadolint", "buildkit"]
Level: TypeAlias = Literal["error", "warning", "info"]


class Severity(StrEnum):
    """How bad it is.

    ERROR: the build fails, the image does not run, or a secret is in it.
    WARNING: the image is larger, slower to build or less safe than it has to be.
    INFO: worth knowing; it may be meant.
    """

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def weight(self) -> int:
        """Give a number that is larger the worse it is."""
        return {"info": 0, "warning": 1, "error": 2}[self.value]


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement of text.

    Attributes:
        start: Where what is replaced begins in the file's text, in characters.
        end: Where it ends; equal to *start* for an insertion.
        text: What stands there then.
    """

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that belong together: all of them are made, or none.

    Attributes:
        title: What they do, as an order: "add -trimpath".
        edits: In any order; they do not overlap.
        is_safe: The program does the same afterwards, so that nobody need be asked.
        ignore: Lines for the context's ignore file, instead of edits.
    """

    title: str
    edits: tuple[Edit, ...]
    is_safe: bool = True
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a rule gives.

    Attributes:
        location: The instruction, or None for what concerns the whole file.
        message: What was found, and what follows from it.
        at: Where the caret stands: an offset into the location's ``code``, or into the text where *is_raw* is set.
        length: How many characters are meant.
        hint: What to do, or empty.
        fix: How to do it, or None.
        severity: Where it is another than the rule's.
        secret: A text that may not be shown, or empty.
        is_raw: *at* counts from the beginning of the file.
        rule: The id, where it is not that of the rule that was asked.
    """

    location: Location | None
    message: str
    at: int = 0
    length: int = 1
    hint: str = ""
    fix: Fix | None = None
    severity: Severity | None = None
    secret: str = ""
    is_raw: bool = False
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is told.

    Attributes:
        rule: Its id, such as ``SM005``, ``DL3059`` (hadolint) or ``StageNameCasing`` (BuildKit).
        source: Whose rule it is.
        severity: How bad.
        message: What was found.
        file: As the user named it.
        line: 1-based.
        column: 1-based.
        length: How many characters of that line are meant.
        source_line: That line, without secrets.
        hint: What to do, or empty.
        fix: How to do it, or None.
        last_line: Of the instruction.
    """

    rule: str
    source: Origin
    severity: Severity
    message: str
    file: str
    line: int
    column: int
    length: int = 1
    source_line: str = ""
    hint: str = ""
    fix: Fix | None = None
    last_line: int = 0
