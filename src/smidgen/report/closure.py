"""``smidgen closure``: the tree of an executable's libraries, for people and as plain values."""

import posixpath
from collections.abc import Callable, Iterator, Sequence

from smidgen.needs.closure.closure import Closure, Library, family
from smidgen.needs.closure.placing import image_path
from smidgen.report.printable import printable
from smidgen.report.schema_closure import ClosureReport, FaultResult, LibraryResult, MissingResult, PossibleNeed
from smidgen.report.text import columns, human_size

Style = Callable[..., str]
_OWN_DIRECTORIES = "the loader's own directories"


def closure_report(closure: Closure) -> ClosureReport:
    """Say a closure in plain values."""
    return ClosureReport(
        program=closure.program,
        size=closure.size,
        architecture=closure.architecture,
        interpreter=closure.interpreter,
        c_library=closure.c_library,
        whole=closure.is_whole,
        libraries_size=closure.library_size,
        directories=closure.directories,
        needs=closure.needs,
        libraries=tuple(_library(one, closure) for one in closure.libraries),
        missing=tuple(
            MissingResult(
                name=one.name,
                reason=str(one.reason),
                fatal=one.is_fatal,
                needed_by=one.needed_by,
                sought=one.sought,
                rejected=one.rejected,
                advice=one.advice,
            )
            for one in closure.missing
        ),
        faults=tuple(FaultResult(message=one.message, advice=one.advice, fatal=one.is_fatal) for one in closure.faults),
        other_needs=tuple(
            PossibleNeed(
                kind=str(need.kind),
                included=need.included,
                confidence=str(need.confidence),
                symbol=need.symbol,
                reason=need.reason,
            )
            for need in closure.report.needs
        ),
        notes=tuple(fact.message for fact in closure.report.facts),
    )


def _library(one: Library, closure: Closure) -> LibraryResult:
    return LibraryResult(
        name=one.name,
        path=one.path,
        file=one.file,
        size=one.size,
        found_by=one.found_by,
        reason=str(one.reason),
        confidence=str(one.confidence),
        needed_by=one.needed_by,
        needs=one.needs,
        image_path=image_path(one, closure),
    )


def render_closure(report: ClosureReport, *, style: Style) -> str:
    """Render the tree, what is missing, and what else the program needs.

    Args:
        report: The closure.
        style: ``style(text, "bold", …)`` colours or leaves alone.
    """
    head = f"{style(printable(report.program), 'bold')}  {human_size(report.size)}, {report.architecture}"
    lines = [f"{head}, {report.c_library}" if report.libraries else head]
    lines += columns([tuple(row) for row in _Tree(report, style).rows()], align="<>")
    lines += ["", _sum(report)]
    for missing in report.missing:
        if missing.fatal:
            lines += ["", *_missing(missing, style)]
    lines += _optional(report, style)
    for fault in report.faults:
        kind = style("fault:", "red", "bold") if fault.fatal else style("warning:", "yellow", "bold")
        lines += ["", f"{kind} {printable(fault.message)}", f"  {fault.advice}"]
    if report.other_needs:
        lines += ["", "Beside libraries:"]
        lines += [f"  {line}" for line in _needs(report, style)]
    if report.notes:
        lines += ["", "To know:", *(f"  {printable(note)}" for note in report.notes)]
    return "\n".join(lines)


class _Tree:
    """The tree, each library where it is asked for first; elsewhere its name stands in one line with others."""

    def __init__(self, report: ClosureReport, style: Style) -> None:
        self._report = report
        self._style = style
        self._by_path = {one.path: one for one in report.libraries}
        self._children: dict[str, list[LibraryResult]] = {}
        for one in report.libraries:
            # Breadth first, as the loader opens them: who asked first is the parent; the program where that is none of
            # them, but something packed into it.
            parent = one.needed_by[0] if one.needed_by and one.needed_by[0] in self._by_path else ""
            self._children.setdefault(parent, []).append(one)

    def rows(self) -> Iterator[tuple[str, ...]]:
        yield from self._below("", "", set())

    def _below(self, parent: str, indent: str, above: set[str]) -> Iterator[tuple[str, ...]]:
        children = [one for one in self._children.get(parent, []) if one.path not in above]
        for number, one in enumerate(children):
            last = number == len(children) - 1
            yield (
                f"{indent}{'└─' if last else '├─'} {printable(one.name)}",
                human_size(one.size),
                self._remark(one),
            )
            yield from self._below(one.path, indent + ("   " if last else "│  "), above | {one.path})

    def _remark(self, one: LibraryResult) -> str:
        parts = []
        if one.reason not in {"needed", "interpreter"}:
            parts.append(f"{one.reason}, {one.confidence}")
        if one.reason == "interpreter":
            parts.append("the loader")
        elif posixpath.basename(one.path) != one.name or one.found_by != _OWN_DIRECTORIES:
            parts.append(f"{one.path}, by {one.found_by}")
        else:
            parts.append(posixpath.dirname(one.path))
        own = {child.path for child in self._children.get(one.path, [])}
        # All need these two.
        common = {self._report.interpreter, *(path for path in one.needs if posixpath.basename(path) == "libc.so.6")}
        also = [posixpath.basename(path) for path in one.needs if path not in own | common]
        if also:
            parts.append(f"also needs {', '.join(also)}")
        return self._style(printable("; ".join(parts)), "dim")


def _sum(report: ClosureReport) -> str:
    count = len(report.libraries)
    return (
        f"{count} {'file' if count == 1 else 'files'} with {human_size(report.libraries_size)} "
        f"beside the program's {human_size(report.size)}"
    )


def _optional(report: ClosureReport, style: Style) -> Iterator[str]:
    """Give what may be loaded later and is not there: the names of one library together, as one of them is enough."""
    there = {family(one.name) for one in report.libraries}
    groups: dict[str, list[MissingResult]] = {}
    others: list[str] = []
    for one in report.missing:
        if one.fatal:
            continue
        if family(one.name) in there:
            others.append(one.name)
        else:
            groups.setdefault(family(one.name), []).append(one)
    for group in groups.values():
        # Who has advice speaks for them all.
        first = next((one for one in group if one.advice), group[0])
        yield ""
        yield from _missing(first, style, [one.name for one in group])
    if others:
        names = ", ".join(sorted({family(one) for one in others}))
        yield ""
        count = f"{len(others)} other {'name' if len(others) == 1 else 'names'}"
        yield style(f"{count} of {printable(names)} in the texts: not found, and one is enough", "dim")


def _missing(one: MissingResult, style: Style, names: Sequence[str] = ()) -> Iterator[str]:
    kind = style("missing:", "red", "bold") if one.fatal else style("not found:", "yellow")
    why = "" if one.fatal else f" ({one.reason}; it may do without)"
    shown = ", ".join(names) or one.name
    yield f"{kind} {printable(shown)}, for {printable(', '.join(one.needed_by))}{why}"
    if one.sought:
        yield f"  sought in {printable(', '.join(one.sought))}"
    for rejected in one.rejected:
        yield f"  {printable(rejected)}"
    if one.advice:
        yield f"  {style('do:', 'cyan')} {printable(one.advice)}"


def _needs(report: ClosureReport, style: Style) -> Iterator[str]:
    for need in report.other_needs:
        mark = style("+", "green") if need.included else style("-", "dim")
        symbol = style(f" [{printable(need.symbol)}]", "dim") if need.symbol else ""
        yield f"{mark} {need.kind} ({need.confidence}): {printable(need.reason)}{symbol}"
