"""``smidgen diff --html``: what changed, the most first, in a page that needs nothing else."""

from collections.abc import Iterable, Sequence
from typing import Final

from smidgen.report.page_frame import (
    Cell,
    Markup,
    render_change,
    render_frame,
    render_section,
    render_sums,
    render_table,
    within,
)
from smidgen.report.page_frame import text as escaped
from smidgen.report.schema_diff import ChangedFile, ChangedPackage, ChangedProgram, ChangedValue, DiffReport
from smidgen.report.text import human_size

_MOST_PROGRAMS: Final = 20
#: About how many bytes all that changed may take.
_MOST: Final = 600_000
_SIZES: Final = ("how", "change", "", "before", "after", "change to pull")
_NUMBERS: Final = (2, 4, 5, 6)
_SEARCH: Final = (
    '<div class="tools" data-script hidden><label>Search <input data-filter type="search" autocomplete="off" '
    'placeholder="a file, a package, a setting"></label><span data-said aria-live="polite"></span></div>'
)


def render_diff_page(report: DiffReport) -> str:
    """Render the whole page."""
    one, other = report.before, report.after
    platform = one.platform if one.platform == other.platform else f"{one.platform} → {other.platform}"
    return render_frame(
        title=f"{one.name} → {other.name} · smidgen diff",
        heading=f"{one.name} → {other.name}",
        about=escaped(platform),
        body=(_sums(report), *diff_sections(report)),
    )


def diff_sections(report: DiffReport) -> Iterable[str]:
    """Give what changed, in sections with their own search."""
    parts = [_compared(report)]
    if not (report.files or report.config or report.programs):
        same = report.before.digest == report.after.digest
        words = "They are the same." if same else "Nothing else differs but layers, times and digests."
        parts.append(f"<p>{words}</p>")
    yield render_section(f"Since {report.before.name}", *parts)
    changes = "\n".join(part for part in within(_changes(report), _MOST) if part)
    if changes:
        yield f"<div data-filtered>{_SEARCH}{changes}</div>"


def _changes(report: DiffReport) -> Iterable[str]:
    yield render_section("Configuration", _values(report.config))
    yield render_section("Files", _files(report.files))
    for program in report.programs[:_MOST_PROGRAMS]:
        yield from _program(program)
    if len(report.programs) > _MOST_PROGRAMS:
        yield f"<p>{len(report.programs) - _MOST_PROGRAMS:,} more programs differ; smidgen diff --json has them.</p>"


def _sums(report: DiffReport) -> str:
    one, other = report.before, report.after
    rows = {
        "on disk": f"{human_size(other.size)} ({_signed(other.size - one.size)})",
        "to pull": f"{human_size(other.pull_size)} ({_signed(other.pull_size - one.pull_size)})",
    }
    if report.update_size is not None:
        rows["an update fetches"] = human_size(report.update_size)
    if report.files:
        rows["files that differ"] = f"{len(report.files):,}"
    if report.programs:
        rows["programs that differ"] = f"{len(report.programs):,}"
    return render_sums(rows)


def _compared(report: DiffReport) -> str:
    sides = (report.before, report.after)
    rows = [
        (
            side.name,
            human_size(side.size),
            human_size(side.pull_size),
            str(side.layers or ""),
            side.platform,
            side.digest,
        )
        for side in sides
    ]
    return render_table(("", "on disk", "to pull", "layers", "platform", "digest"), rows, numbers=(1, 2, 3))


def _values(changes: Sequence[ChangedValue]) -> str:
    rows = ((one.name, _how(one.before, one.after), _value(one.before), _value(one.after)) for one in changes)
    return render_table(("", "how", "before", "after"), rows)


def _how(before: str | None, after: str | None) -> str:
    return "added" if before is None else "removed" if after is None else "changed"


def _value(value: str | None) -> Cell:
    return Markup(f"<code>{escaped(value)}</code>") if value else ""


def _files(files: Sequence[ChangedFile]) -> str:
    most = max((abs(one.after - one.before) for one in files), default=0)
    rows = (
        (
            one.path,
            one.how if one.how != "changed" else f"changed: {', '.join(one.what)}",
            *_sizes(one, most),
        )
        for one in files
    )
    return render_table(("file", *_SIZES), rows, numbers=_NUMBERS)


def _sizes(one: ChangedFile | ChangedPackage, most: int) -> tuple[Cell, ...]:
    change = one.after - one.before
    return (
        _signed(change),
        render_change(change, most),
        human_size(one.before),
        human_size(one.after),
        _signed(one.pull_after - one.pull_before),
    )


def _program(program: ChangedProgram) -> Iterable[str]:
    was = f" (was {program.path_before})" if program.path_before not in {None, program.path} else ""
    pull = _signed(program.pull_after - program.pull_before)
    change = f"{_signed(program.after - program.before)} on disk, {pull} to pull"
    said = program.problem or ""
    if not said and not (program.packages or program.modules or program.build or program.needs):
        said = "Packages, modules, settings and needs are the same; bytes within them differ."
    title = f"Changes in {program.path}{was}"
    yield render_section(title, f"<p>{escaped(change)}</p>", f"<p>{escaped(said)}</p>" if said else "")
    yield render_section(f"Needs of {program.path}, with their proof", _values(program.needs))
    yield render_section(f"Build of {program.path}", _values(program.build))
    yield render_section(f"Modules of {program.path}", _values(program.modules))
    most = max((abs(one.after - one.before) for one in program.packages), default=0)
    rows = ((one.name, _how_much(one), *_sizes(one, most)) for one in program.packages)
    table = render_table(("package", *_SIZES), rows, numbers=_NUMBERS)
    yield render_section(f"Packages of {program.path}", table)


def _how_much(one: ChangedPackage) -> str:
    return "added" if not one.before else "removed" if not one.after else "changed"


def _signed(change: int) -> str:
    sign = "+" if change > 0 else "-" if change < 0 else ""
    return f"{sign}{human_size(abs(change))}"
