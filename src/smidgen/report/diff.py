"""``smidgen diff`` as JSON and as text."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from smidgen.analyze.image.compare import Differences, Subject
from smidgen.analyze.image.diff import FileChange, ValueChange
from smidgen.analyze.image.programs import Program, ProgramChange
from smidgen.report.printable import encodable, printable
from smidgen.report.schema_diff import ChangedFile, ChangedPackage, ChangedProgram, ChangedValue, DiffReport, Side
from smidgen.report.text import columns, human_size

Style = Callable[..., str]

_MOST_VALUE: Final = 60
_SIGNS: Final = {"added": "+", "removed": "-", "changed": "~"}
_COLOURS: Final = {"+": "red", "-": "green", "~": "yellow"}


def diff_report(found: Differences) -> DiffReport:
    """Give ``smidgen diff --json``."""
    return DiffReport(
        before=_side(found.before),
        after=_side(found.after),
        update_size=found.update_size,
        files=tuple(map(_file, found.files)),
        config=_values(found.config),
        programs=tuple(map(_program, found.programs)),
    )


def _side(subject: Subject) -> Side:
    return Side(
        name=encodable(subject.name),
        kind=subject.kind,
        digest=subject.digest,
        platform=subject.platform,
        size=subject.size,
        pull_size=subject.pull_size,
        layers=subject.layers,
    )


def _file(change: FileChange) -> ChangedFile:
    return ChangedFile(
        path=encodable(f"/{change.path}"),
        how=change.how,
        what=change.what,
        before=change.before,
        after=change.after,
        pull_before=change.pull_before,
        pull_after=change.pull_after,
    )


def _values(changes: Iterable[ValueChange]) -> tuple[ChangedValue, ...]:
    return tuple(
        ChangedValue(
            name=encodable(one.name),
            before=None if one.before is None else encodable(one.before),
            after=None if one.after is None else encodable(one.after),
        )
        for one in changes
    )


def _program(change: ProgramChange) -> ChangedProgram:
    before, after = change.before, change.after
    last = after or before
    return ChangedProgram(
        path=encodable(last.path) if last else "",
        path_before=encodable(before.path) if before else None,
        before=before.size if before else 0,
        after=after.size if after else 0,
        pull_before=_pull(before),
        pull_after=_pull(after),
        packages=tuple(
            ChangedPackage(
                name=encodable(one.name),
                before=one.before,
                after=one.after,
                pull_before=one.pull_before,
                pull_after=one.pull_after,
            )
            for one in change.packages
        ),
        modules=_values(change.modules),
        build=_values(change.build),
        needs=_values(change.needs),
        problem=change.problem or None,
    )


def _pull(program: Program | None) -> int:
    if program is None:
        return 0
    return program.binary.pull if program.binary else program.size


def render_diff(found: Differences, *, limit: int, style: Style) -> list[str]:
    """Render what a person wants to know.

    Args:
        found: What differs.
        limit: Most rows of a table.
        style: Colours a text.
    """
    report = diff_report(found)
    lines = _summary(report, style)
    if not (report.files or report.config or report.programs):
        same = report.before.digest == report.after.digest
        return [*lines, "", "They are the same." if same else "Nothing else differs but layers, times and digests."]
    lines += _section("Configuration", _value_lines(report.config, style))
    lines += _section("Files", _file_lines(report.files, limit, style))
    for program in report.programs:
        lines += _program_lines(program, limit, style)
    return lines


def _summary(report: DiffReport, style: Style) -> list[str]:
    one, other = report.before, report.after
    rows = [["", "ON DISK", "TO PULL", "LAYERS"]]
    rows += [
        [printable(side.name), human_size(side.size), human_size(side.pull_size), str(side.layers or "")]
        for side in (one, other)
    ]
    layers = _signed_count(other.layers - one.layers) if one.layers or other.layers else ""
    rows.append(["change", _change(one.size, other.size), _change(one.pull_size, other.pull_size), layers])
    lines = columns(rows, align="<>>>")
    lines[0] = style(lines[0], "bold")
    if report.update_size is not None:
        lines.append(f"Whoever has the first fetches {human_size(report.update_size)} to have the second.")
    return lines


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", title, *(f"  {line}" for line in lines)] if lines else []


def _value_lines(changes: Sequence[ChangedValue], style: Style) -> list[str]:
    lines = []
    for one in changes:
        name = printable(one.name)
        if one.before is None:
            lines.append(style(f"+ {name}  {_shown(one.after)}", "red"))
        elif one.after is None:
            lines.append(style(f"- {name}  {_shown(one.before)}", "green"))
        else:
            lines.append(style(f"~ {name}  {_shown(one.before)} → {_shown(one.after)}", "yellow"))
    return lines


def _shown(value: str | None) -> str:
    text = printable(value or "")
    return text if len(text) <= _MOST_VALUE else text[: _MOST_VALUE - 1] + "…"


def _file_lines(files: Sequence[ChangedFile], limit: int, style: Style) -> list[str]:
    rows = []
    for one in files[:limit]:
        what = "" if set(one.what) <= {"content"} else ", ".join(one.what)
        sizes = [_change(one.before, one.after), _change(one.pull_before, one.pull_after)]
        rows.append([_SIGNS[one.how], *sizes, printable(one.path), what])
    return _table(rows, style) + _rest(len(files), limit, "files")


def _program_lines(program: ChangedProgram, limit: int, style: Style) -> list[str]:
    title = printable(program.path)
    if program.path_before not in {None, program.path}:
        title += f" (was {printable(program.path_before or '')})"
    change = _change(program.before, program.after), _change(program.pull_before, program.pull_after)
    lines = ["", f"Program {title}: {change[0]} on disk, {change[1]} to pull"]
    if program.problem:
        lines.append(f"  {printable(program.problem)}")
    elif not (program.packages or program.modules or program.build or program.needs):
        lines.append("  Packages, modules, settings and needs are the same; bytes within them differ.")
    lines += [f"  {line}" for line in _value_lines((*program.build, *program.needs), style)]
    modules = _value_lines(program.modules[:limit], style) + _rest(len(program.modules), limit, "modules")
    rows = [
        [_sign(one), _change(one.before, one.after), _change(one.pull_before, one.pull_after), printable(one.name)]
        for one in program.packages[:limit]
    ]
    packages = _table(rows, style) + _rest(len(program.packages), limit, "packages")
    for heading, found in (("Modules", modules), ("Packages", packages)):
        lines += [f"  {heading}", *(f"    {line}" for line in found)] if found else []
    return lines


def _sign(package: ChangedPackage) -> str:
    return "+" if not package.before else "-" if not package.after else "~"


def _table(rows: Sequence[Sequence[str]], style: Style) -> list[str]:
    if not rows:
        return []
    heading, *lines = columns([["", "ON DISK", "TO PULL"], *rows], align="<>><<")
    return [style(heading, "dim"), *(style(line, _COLOURS[row[0]]) for row, line in zip(rows, lines, strict=True))]


def _rest(count: int, limit: int, what: str) -> list[str]:
    return [f"… and {count - limit:,} more {what}: --limit shows more"] if count > limit else []


def _change(before: int, after: int) -> str:
    difference = after - before
    return ("+" if difference > 0 else "-" if difference < 0 else "") + human_size(abs(difference))


def _signed_count(difference: int) -> str:
    return f"{difference:+}" if difference else "0"
