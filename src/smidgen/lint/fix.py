"""Fixes: edits of the text, all other bytes left as they are."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from smidgen.lint.catalog import SYNTAX
from smidgen.lint.finding import Edit, Finding
from smidgen.lint.run import LintOutcome, LintRequest, lint

# A fix can make another one possible, and each makes its finding go away.
_MOST_ROUNDS: Final = 4


@dataclass(frozen=True, slots=True)
class Fixed:
    """A text with fixes made.

    Attributes:
        text: What it is then.
        made: The findings whose fixes are in it.
    """

    text: str
    made: tuple[Finding, ...]


def apply_fixes(text: str, findings: Iterable[Finding], *, unsafe: bool = False) -> Fixed:
    """Make the fixes of *findings*; one that would touch what another one replaced is left for the next time."""
    edits: list[Edit] = []
    made: list[Finding] = []
    for finding in findings:
        fix = finding.fix
        if fix is None or not fix.edits or not (fix.is_safe or unsafe):
            continue
        # Two findings may ask for the same line, such as ARG TARGETARCH.
        fresh = [edit for edit in fix.edits if edit not in edits]
        if any(_overlap(edit, other) for edit in fresh for other in edits):
            continue
        edits += fresh
        made.append(finding)
    # Insertions at one place stay in the order in which they were asked for.
    for _, edit in sorted(enumerate(edits), key=lambda one: (one[1].start, one[1].end, one[0]), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return Fixed(text, tuple(made))


def _overlap(one: Edit, other: Edit) -> bool:
    if one.start == one.end or other.start == other.end:
        # An insertion only conflicts with what is replaced around it.
        inner, outer = (one, other) if one.start == one.end else (other, one)
        return outer.start < inner.start < outer.end
    return one.start < other.end and other.start < one.end


@dataclass(frozen=True, slots=True)
class FixedFile:
    """A file with fixes made.

    Attributes:
        data: Its bytes then.
        outcome: What is found in them.
        made: The findings whose fixes are in it, or in the ignore file.
        ignore: Lines that the context's ignore file is to have at its end.
    """

    data: bytes
    outcome: LintOutcome
    made: tuple[Finding, ...]
    ignore: tuple[str, ...] = ()


def fixed_file(request: LintRequest, outcome: LintOutcome, *, unsafe: bool) -> FixedFile:
    """Make the fixes of *outcome*, which is that of *request*, and those that become possible by them.

    Raises:
        SmidgenError: As :func:`smidgen.lint.run.lint`.
    """
    made: list[Finding] = []
    for _ in range(_MOST_ROUNDS):
        fixed = apply_fixes(outcome.text, outcome.findings, unsafe=unsafe)
        if not fixed.made:
            break
        data = fixed.text.encode("utf-8", "surrogateescape")
        after = lint(replace(request, data=data))
        if after.findings and after.findings[0].rule == SYNTAX:
            # Never seen; a file that can be built is not to become one that cannot.
            break
        made += fixed.made
        request, outcome = replace(request, data=data), after
    ignoring = [one for one in outcome.findings if one.fix and one.fix.ignore and (one.fix.is_safe or unsafe)]
    lines = dict.fromkeys(line for one in ignoring for line in (one.fix.ignore if one.fix else ()))
    rest = tuple(one for one in outcome.findings if one not in ignoring)
    return FixedFile(request.data, replace(outcome, findings=rest), (*made, *ignoring), tuple(lines))
