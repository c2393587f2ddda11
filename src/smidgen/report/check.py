"""``smidgen check`` as JSON, as text, as Markdown for a pull request, and as SARIF."""

import html
from collections.abc import Callable, Sequence
from typing import Final

from smidgen.analyze.image.budget import Check, Measured
from smidgen.report.printable import encodable, printable
from smidgen.report.schema_check import CheckReport, CheckResult
from smidgen.report.text import columns, human_size

Style = Callable[..., str]

#: Key → what it is about, for people.
LABELS: Final = {
    "size": "size on disk",
    "pull_size": "size to pull",
    "layer_size": "largest layer",
    "layers": "layers",
    "wasted": "wasted bytes",
    "packages": "package",
    "needs": "needs",
    "no_root": "not root",
    "static": "static program",
    "growth": "growth on disk",
    "pull_growth": "growth to pull",
}
_MARKDOWN: Final = str.maketrans({character: f"\\{character}" for character in "\\`*_[]|~#"})


def check_report(measured: Measured, against: Measured | None, checks: Sequence[Check]) -> CheckReport:
    """Give ``smidgen check --json``."""
    return CheckReport(
        name=encodable(measured.image.name),
        digest=measured.image.digest,
        platform=str(measured.image.platform),
        against=encodable(against.image.name) if against else None,
        passed=all(one.held for one in checks),
        checks=tuple(map(_result, checks)),
    )


def _result(one: Check) -> CheckResult:
    return CheckResult(
        key=one.limit.key,
        name=encodable(one.limit.name) or None,
        limit=encodable(one.limit.text),
        held=one.held,
        got=one.got,
        most=one.most,
        before=one.before,
        message=encodable(one.message) or None,
        file=encodable(one.limit.file),
        line=one.limit.line,
        column=one.limit.column,
        end_column=one.limit.column + len(one.limit.name or one.limit.key),
    )


def render_check(report: CheckReport, *, style: Style) -> list[str]:
    """Render a line for each line of the budget."""
    rows = [[_word(one), label(one), amount(one, one.got), _allowed(one), why(one)] for one in report.checks]
    lines = columns(rows, align="<<>")
    return [
        style(line, "green") if one.held else style(line, "red") for one, line in zip(report.checks, lines, strict=True)
    ]


def _word(one: CheckResult) -> str:
    return "ok" if one.held else "OVER"


def label(one: CheckResult) -> str:
    """Say what a line of the budget is about."""
    return f"{LABELS[one.key]} {printable(one.name)}" if one.name else LABELS[one.key]


def amount(one: CheckResult, value: int | None) -> str:
    """Write a value of a check: a size, a number, or nothing."""
    if value is None or one.key == "needs":
        return ""
    if one.key == "layers":
        return str(value)
    sign = "+" if one.key in {"growth", "pull_growth"} and value > 0 else "-" if value < 0 else ""
    return f"{sign}{human_size(abs(value))}"


def _allowed(one: CheckResult) -> str:
    return f"of {printable(one.limit)}" if one.most is not None or one.key == "needs" else ""


def why(one: CheckResult) -> str:
    """Say what is wrong and which line of the file asks for it; nothing where nothing is wrong."""
    if one.held:
        return ""
    place = f"({printable(one.file)}:{one.line})"
    message = printable(one.message or "")
    if one.got is not None and one.most is not None:
        message += f", by {amount(one, one.got - one.most).removeprefix('+')}"
    return f"{message} {place}"


def failure_text(report: CheckReport) -> str:
    """Say how many lines of the budget are broken."""
    count = sum(not one.held for one in report.checks)
    return f"{printable(report.name)} is over its budget in {count} of {len(report.checks)} points"


def render_markdown(report: CheckReport) -> str:
    """Render a comment for a pull request."""
    broken = sum(not one.held for one in report.checks)
    verdict = f"over budget in {broken} of {len(report.checks)} points" if broken else "within its budget"
    lines = [f"### {_cell(report.name)}: {verdict}", ""]
    lines.append(f"{_cell(report.platform)}, `{report.digest}`")
    if report.against:
        lines.append(f"Compared with {_cell(report.against)}.")
    lines += ["", "| | | image | budget | |", "|---|---|---:|---:|---|"]
    for one in report.checks:
        mark = "✅" if one.held else "❌"
        got = amount(one, one.got) + (f" (was {human_size(one.before)})" if one.before is not None else "")
        limit = one.limit if one.most is not None or one.key == "needs" else ""
        lines.append(f"| {mark} | {_cell(label(one))} | {_cell(got)} | {_cell(limit)} | {_cell(why(one))} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Write *text* so that no name of a file or an image becomes Markdown or HTML."""
    return html.escape(printable(text), quote=False).translate(_MARKDOWN)
