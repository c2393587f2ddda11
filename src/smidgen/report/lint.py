"""Findings of the linter as compilers write them, as JSON and as SARIF."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Literal
from urllib.parse import quote

from smidgen._version import __version__
from smidgen.lint.catalog import RULES
from smidgen.lint.finding import Finding, Severity
from smidgen.lint.rule import Rule
from smidgen.lint.run import LintOutcome
from smidgen.report.printable import encodable, printable
from smidgen.report.sarif import (
    ArtifactLocation,
    Component,
    Configuration,
    Descriptor,
    Message,
    PhysicalLocation,
    Region,
    Result,
    Run,
    SarifLocation,
    SarifLog,
    Tool,
)
from smidgen.report.schema_lint import LintedFile, LintFinding, LintFix, LintReport

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_LEVELS: Final[dict[Severity, Literal["error", "warning", "note"]]] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}
_WIDTH = 120
#: Where the rules are described, below the project's documentation.
DOCUMENT = "docs/reference/lint-rules.md"


def lint_report(
    outcomes: Sequence[LintOutcome], *, hadolint: bool, fixed: Sequence[Sequence[Finding]] = ()
) -> LintReport:
    """Make the document of ``--json``.

    Args:
        outcomes: One a file.
        hadolint: Whether it was asked.
        fixed: For each file, what was mended.
    """
    counts = Counter(finding.severity for outcome in outcomes for finding in outcome.findings)
    made = list(fixed) or [()] * len(outcomes)
    return LintReport(
        files=tuple(
            LintedFile(
                file=encodable(outcome.name),
                findings=tuple(_finding(one) for one in outcome.findings),
                silenced=outcome.silenced,
                program=outcome.unread,
                fixed=tuple(one.rule for one in mended),
            )
            for outcome, mended in zip(outcomes, made, strict=True)
        ),
        errors=counts[Severity.ERROR],
        warnings=counts[Severity.WARNING],
        infos=counts[Severity.INFO],
        hadolint=hadolint,
    )


def _finding(finding: Finding) -> LintFinding:
    fix = finding.fix
    return LintFinding(
        rule=finding.rule,
        source=finding.source,
        severity=finding.severity.value,
        message=finding.message,
        hint=finding.hint,
        line=finding.line,
        column=finding.column,
        length=finding.length,
        last_line=finding.last_line,
        fix=LintFix(title=fix.title, safe=fix.is_safe) if fix else None,
    )


def render_finding(finding: Finding, *, style: Callable[..., str]) -> list[str]:
    """Render a finding: place, message, the line with carets, and what to do."""
    where = style(f"{printable(finding.file)}:{finding.line}:{finding.column}:", "bold")
    level = style(f"{finding.severity}:", _COLOURS[finding.severity], "bold")
    lines = [f"{where} {level} {printable(finding.message)} {style(f'[{finding.rule}]', 'dim')}"]
    if finding.source_line.strip():
        lines += _with_carets(finding, style)
    if finding.hint:
        lines.append(f"  {style('help:', 'cyan')} {printable(finding.hint)}{_how(finding)}")
    return lines


def _how(finding: Finding) -> str:
    if finding.fix is None:
        return ""
    return " (--fix does it)" if finding.fix.is_safe else " (--fix --unsafe-fixes does it)"


def _with_carets(finding: Finding, style: Callable[..., str]) -> list[str]:
    line = finding.source_line.rstrip()
    # A very long line is shown around what is meant.
    start = max(0, min(finding.column - 1 - _WIDTH // 2, len(line) - _WIDTH)) if len(line) > _WIDTH else 0
    shown = line[start : start + _WIDTH]
    at = finding.column - 1 - start
    before = "".join("\t" if letter == "\t" else " " for letter in shown[:at])
    length = max(1, min(finding.length, len(shown) - at))
    carets = style("^" * length, _COLOURS[finding.severity], "bold")
    visible = "".join(
        letter if letter.isprintable() or letter == "\t" else "\N{REPLACEMENT CHARACTER}" for letter in shown
    )
    return [f"  {visible}", f"  {before}{carets}"]


def render_summary(report: LintReport) -> str:
    """Render the last line: how many of each."""
    parts = [
        f"{count} {name}{'' if count == 1 else 's'}"
        for count, name in ((report.errors, "error"), (report.warnings, "warning"), (report.infos, "note"))
        if count
    ]
    silenced = sum(file.silenced for file in report.files)
    if silenced:
        parts.append(f"{silenced} silenced by comments")
    return ", ".join(parts) or "nothing to say"


def render_rules(rules: Sequence[Rule] = RULES) -> list[str]:
    """Render a line a rule."""
    return [f"{rule.id}  {rule.severity.value:7}  {rule.name}: {rule.title}" for rule in rules]


def lint_sarif(outcomes: Sequence[LintOutcome]) -> SarifLog:
    """Make the document of ``--sarif``."""
    rules = {rule.id: _descriptor(rule) for rule in RULES}
    for outcome in outcomes:
        for finding in outcome.findings:
            rules.setdefault(finding.rule, _foreign(finding))
    order = {name: number for number, name in enumerate(rules)}
    results = tuple(
        Result(
            rule_id=finding.rule,
            rule_index=order[finding.rule],
            level=_LEVELS[finding.severity],
            message=Message(text=f"{finding.message}. {finding.hint}".rstrip(". ")),
            locations=(_location(outcome, finding),),
        )
        for outcome in outcomes
        for finding in outcome.findings
    )
    driver = Component(
        name="smidgen",
        version=__version__,
        rules=tuple(rules.values()),
    )
    return SarifLog(runs=(Run(tool=Tool(driver=driver), results=results),))


def _descriptor(rule: Rule) -> Descriptor:
    return Descriptor(
        id=rule.id,
        name=rule.name,
        short_description=Message(text=f"{rule.title}."),
        full_description=Message(text=rule.reason),
        help=Message(text=rule.instead),
        default_configuration=Configuration(level=_LEVELS[rule.severity]),
    )


def _foreign(finding: Finding) -> Descriptor:
    return Descriptor(
        id=finding.rule, name=finding.rule, short_description=Message(text=f"A rule of {finding.source}.")
    )


def _location(outcome: LintOutcome, finding: Finding) -> SarifLocation:
    region = Region(
        start_line=finding.line, start_column=finding.column, end_column=finding.column + max(1, finding.length)
    )
    uri = quote(outcome.name.removeprefix("./"), safe="/-._~")
    return SarifLocation(physical_location=PhysicalLocation(artifact_location=ArtifactLocation(uri=uri), region=region))
