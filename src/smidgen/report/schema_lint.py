"""``smidgen lint --json``."""

from typing import Literal

import msgspec


class LintFix(msgspec.Struct, frozen=True, kw_only=True):
    """How a finding can be mended.

    Attributes:
        title: What would be done.
        safe: ``--fix`` does it; otherwise only with ``--unsafe-fixes``.
    """

    title: str
    safe: bool


class LintFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding.

    Attributes:
        rule: Such as ``SM005``, ``DL3059`` or ``StageNameCasing``.
        source: Whose rule it is.
        severity: How bad it is.
        message: What was found.
        hint: What to do, or empty.
        line: 1-based.
        column: 1-based, in characters.
        length: How many characters of that line are meant.
        last_line: Last line of the instruction.
        fix: How it can be mended, or null.
    """

    rule: str
    source: Literal["smidgen", "hadolint", "buildkit"]
    severity: Literal["error", "warning", "info"]
    message: str
    hint: str
    line: int
    column: int
    length: int
    last_line: int
    fix: LintFix | None = None


class LintedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One Dockerfile.

    Attributes:
        file: As it was named.
        findings: By line and column.
        silenced: How many were left out because of comments in the file.
        program: Why the program could not be read, so that rules on its needs say nothing; empty where it was read, or
            no rule asked.
        fixed: Rules whose fixes were made, one each.
    """

    file: str
    findings: tuple[LintFinding, ...]
    silenced: int
    program: str = ""
    fixed: tuple[str, ...] = ()


class LintReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        files: One a Dockerfile.
        errors: How many findings are errors.
        warnings: How many are warnings.
        infos: How many are information.
        hadolint: Whether hadolint was asked.
    """

    schema: Literal["smidgen.lint/v1"] = "smidgen.lint/v1"
    files: tuple[LintedFile, ...]
    errors: int
    warnings: int
    infos: int
    hadolint: bool
