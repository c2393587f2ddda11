"""What would make an image smaller, as plain values and as lines."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from smidgen.config.yaml_edit import render_keys
from smidgen.report.printable import printable
from smidgen.report.schema_shrink import ShrinkCost, ShrinkFigures, ShrinkPackage, ShrinkReport, ShrinkRow
from smidgen.report.text import columns, human_size
from smidgen.shrink.advice import Figures, Heavy, Row, Survey
from smidgen.shrink.apply import Applied

Style = Callable[..., str]

_WIDTH: Final = 110
_MINUS: Final = "\N{MINUS SIGN}"
_UNITS: Final = {"s": "s", "ms": "ms", "us": "\N{MICRO SIGN}s"}
_TITLES: Final = {
    "safe": "Safe: nothing that the program uses is lost; --apply writes these to smidgen.yaml.",
    "price": "For a price: weigh what is lost.",
    "yours": "Your own settings say otherwise.",
    "source": "In the source: how small it would be.",
}


def shrink_report(survey: Survey) -> ShrinkReport:
    """Say in plain values what was found."""
    return ShrinkReport(
        target=survey.target,
        program=survey.program,
        platform=survey.platform,
        go_version=survey.go_version,
        now=_figures(survey.now),
        rows=tuple(_row(row, survey.now) for row in survey.rows),
        together=None if survey.together is None else _row(survey.together, survey.now),
        packages=tuple(_package(one) for one in survey.heavy),
        untried=survey.untried,
    )


def _figures(figures: Figures) -> ShrinkFigures:
    return ShrinkFigures(binary=figures.binary, size=figures.size, pull_size=figures.pull)


def _row(row: Row, now: Figures) -> ShrinkRow:
    figures = row.figures
    return ShrinkRow(
        name=row.name,
        title=row.title,
        how=row.how,
        loses=row.loses,
        standing=row.standing.value,
        keys=row.keys,
        figures=None if figures is None else _figures(figures),
        saved_size=None if figures is None else now.size - figures.size,
        saved_pull_size=None if figures is None else now.pull - figures.pull,
        worth_it=row.is_worth_it(now),
        fault=row.fault,
        costs=tuple(
            ShrinkCost(what=one.what, unit=one.unit, before=round(one.before, 3), after=round(one.after, 3))
            for one in row.costs
        ),
        chain=row.chain,
        notes=row.notes,
    )


def _package(one: Heavy) -> ShrinkPackage:
    return ShrinkPackage(
        package=one.package,
        size=one.size,
        pull_size=one.pull,
        brings=one.brings,
        brings_pull_size=one.brings_pull,
        packages=one.packages,
        chain=one.chain,
    )


def with_applied(report: ShrinkReport, applied: Applied) -> ShrinkReport:
    """Give the report with what was written."""
    return msgspec.structs.replace(report, written=str(applied.path), applied=applied.rows)


def render_applied(applied: Applied) -> str:
    """Say what was written, and where."""
    said = "; ".join(render_keys(applied.keys))
    return f"{'wrote' if applied.is_new else 'added to'} {applied.name}: {said}"


def render_shrink(report: ShrinkReport, style: Style) -> Iterator[str]:
    """Give the lines of a report: rows by what following them means, then packages."""
    now = report.now
    yield f"{style(report.program, 'bold')}  {report.platform}, {report.go_version}"
    yield f"now {human_size(now.size)} on disk, {human_size(now.pull_size)} to pull"
    worth = [row for row in report.rows if _is_shown(row)]
    widths = [*worth, *([report.together] if report.together is not None else [])]
    cells = dict(
        zip([row.name for row in widths], columns([_cells(row) for row in widths], align="<>>>>"), strict=True)
    )
    for standing, title in _TITLES.items():
        rows = [row for row in worth if row.standing == standing]
        if standing == "safe" and report.together is not None:
            rows.append(report.together)
        if rows:
            yield from ("", style(title, "bold"))
        for row in rows:
            yield from _lines(row, cells[row.name], style)
    yield from _packages(report.packages, style)
    yield from _rest(report, style)


def _is_shown(row: ShrinkRow) -> bool:
    """Say whether a row stands among the others: where to look in the source is worth it without figures, too."""
    return row.worth_it or (row.standing == "source" and bool(row.fault))


def _cells(row: ShrinkRow) -> Sequence[str]:
    figures = row.figures
    if figures is None or row.saved_size is None or row.saved_pull_size is None:
        return (row.name, "", "", "", "")
    return (
        row.name,
        human_size(figures.size),
        _change(row.saved_size, figures.size),
        f"pull {human_size(figures.pull_size)}",
        _change(row.saved_pull_size, figures.pull_size),
    )


def _change(saved: int, left: int) -> str:
    share = saved / (saved + left) if saved + left else 0.0
    sign = _MINUS if saved > 0 else "+" if saved < 0 else ""
    return f"{sign}{abs(share):.1%}"


def _lines(row: ShrinkRow, cells: str, style: Style) -> Iterator[str]:
    yield f"  {cells}"
    said = [printable(row.title), f"how: {printable(row.how)}", f"loses: {printable(row.loses)}"]
    said += [
        f"{one.what}: {_amount(one.before, one.unit)} \N{RIGHTWARDS ARROW} {_amount(one.after, one.unit)}"
        for one in row.costs
    ]
    if row.chain:
        said.append(f"through {_chain(row.chain)}")
    said += map(printable, row.notes)
    if row.fault:
        said.append(f"not measured: {printable(row.fault)}")
    if row.name == "all-safe":
        said = said[:1]
    for text in said:
        yield from (
            style(line, "dim")
            for line in textwrap.wrap(text, _WIDTH - 6, initial_indent=" " * 4, subsequent_indent=" " * 6)
        )


def _amount(value: float, unit: str) -> str:
    if unit == "B":
        return human_size(round(value))
    return f"{value:,.0f} {_UNITS[unit]}" if value >= 100 else f"{value:.3g} {_UNITS[unit]}"


def _chain(names: Sequence[str]) -> str:
    return " \N{RIGHTWARDS ARROW} ".join(map(printable, names))


def _packages(packages: Sequence[ShrinkPackage], style: Style) -> Iterator[str]:
    if not packages:
        return
    yield from ("", style("Packages that bring most, and the way to them.", "bold"))
    rows = []
    for one in packages:
        size = one.size if one.brings is None else one.brings
        pull = one.pull_size if one.brings_pull_size is None else one.brings_pull_size
        others = f"with {one.packages - 1} that nothing else imports" if one.packages > 1 else ""
        rows.append((human_size(size), f"pull {human_size(pull)}", printable(one.package), others))
    for line, one in zip(columns(rows, align=">>"), packages, strict=True):
        yield f"  {line}"
        yield style(f"    through {_chain(one.chain)}", "dim")


def _rest(report: ShrinkReport, style: Style) -> Iterator[str]:
    small = [row for row in report.rows if not row.worth_it and not row.fault]
    faults = [row for row in report.rows if row.fault and not _is_shown(row)]
    if small or faults or report.untried:
        yield from ("", style("Not advised.", "bold"))
    for row in small:
        changes = f"{_change(row.saved_size or 0, row.figures.size if row.figures else 0)} on disk, "
        changes += f"{_change(row.saved_pull_size or 0, row.figures.pull_size if row.figures else 0)} to pull"
        yield f"  {row.name}: {printable(row.title)}: {changes}"
    for row in faults:
        yield f"  {row.name}: not measured: {printable(row.fault)}"
    for text in report.untried:
        yield f"  {printable(text)}"
    if not any(map(_is_shown, report.rows)):
        yield from ("", "Nothing that was tried saves a thousandth.")
