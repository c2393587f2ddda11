"""What was explained, as tables for people."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from smidgen.report.explain import Depth, Selection
from smidgen.report.made_by import instruction
from smidgen.report.printable import printable
from smidgen.report.schema_explain import (
    ExplainedContainer,
    ExplainedEntry,
    ExplainedPart,
    ExplainedProgram,
    ExplainedTar,
    ExplainReport,
    ProgramNeed,
)
from smidgen.report.text import columns, human_size

Style = Callable[..., str]
Order = Literal["size", "pull", "name"]

_Row = TypeVar("_Row")

_MAX_NAME = 72
_MAX_COMMAND = 60


@dataclass(frozen=True, slots=True)
class View:
    """How to show it.

    Attributes:
        selection: What there is to show.
        top: Rows of a table; 0 for all.
        order: What rows are sorted by: the largest first, or names.
        style: ``style(text, "bold", …)`` colours or leaves alone.
    """

    selection: Selection
    top: int
    order: Order
    style: Style


@dataclass(slots=True)
class _Sum:
    """What one owner has in all sections together."""

    name: str
    size: int = 0
    exact: int = 0
    pull: int = 0
    code: int = 0
    memory: int = 0


def render_explanation(report: ExplainReport, view: View) -> Iterator[str]:
    """Give the lines of a report."""
    if report.binary is not None:
        yield from _program(report.name, report.binary, view)
    elif report.image is not None:
        yield from _image(report, report.image, view)


def _image(report: ExplainReport, image: ExplainedContainer, view: View) -> Iterator[str]:
    style = view.style
    sizes = f"{human_size(report.bytes.total)} on disk, {human_size(report.bytes.pull)} to pull"
    yield f"{style(printable(report.name), 'bold')}  {image.platform}, {sizes}"
    yield from (f"  {line}" for line in columns(list(_image_facts(image))))
    yield from (f"  {line}" for line in _needs(image.needs, style))
    if view.selection.depth >= Depth.LAYER:
        yield ""
        yield from _layers(image.layers, view)
    if view.selection.depth >= Depth.FILE:
        files = [file for layer in image.layers for file in layer.files]
        yield ""
        yield from _files(files, view)
        if view.selection.depth >= Depth.SECTION:
            yield from _programs(image, files, view)


def _programs(image: ExplainedContainer, files: Sequence[ExplainedEntry], view: View) -> Iterator[str]:
    """Show the inside of the image's program, and of what is largest beside it."""
    found = [file for file in files if file.binary is not None]
    found.sort(key=lambda file: (file.path != image.program, -file.size, file.path))
    shown = found if not view.top else found[: max(view.top // 5, 1)]
    for file in shown:
        if file.binary is not None:
            yield ""
            yield from _program(file.path, file.binary, view)
    if len(found) > len(shown):
        yield ""
        yield f"{len(found) - len(shown)} more executables: --top 0 shows all"
    for file in files:
        if file.problem:
            yield f"{printable(file.path)} cannot be looked into: {printable(file.problem)}"


def _image_facts(image: ExplainedContainer) -> Iterator[tuple[str, str]]:
    user = image.user or "root (no user is set)"
    yield "runs as", f"{user}, which is root" if image.root and image.user not in {"", "0", "root"} else user
    yield "starts", printable(" ".join((*image.entrypoint, *image.cmd))) or "nothing"
    if image.program and image.program != next(iter((*image.entrypoint, *image.cmd)), ""):
        yield "found at", printable(image.program)
    if not image.program and (image.entrypoint or image.cmd):
        yield "found at", "nowhere: the image does not have it"
    if image.ports:
        yield "ports", printable(", ".join(image.ports))


def _needs(needs: Iterable[ProgramNeed], style: Style) -> list[str]:
    rows = []
    for need in needs:
        has = ""
        if need.place is not None:
            has = f"has {need.place}" if need.place else style("missing", "yellow")
        rows.append([f"needs {need.kind}", need.confidence, has, printable(need.proof)])
    return columns(rows)


def _layers(layers: Iterable[ExplainedTar], view: View) -> list[str]:
    counts = view.selection.depth >= Depth.FILE
    rows = [["LAYER", "SIZE", "PULL", *(["FILES"] if counts else []), "CREATED BY"]]
    for layer in layers:
        command = printable(instruction(layer.created_by))
        if len(command) > _MAX_COMMAND:
            command = command[: _MAX_COMMAND - 1] + "…"
        digest = layer.digest.partition(":")[2][:12]
        count = [str(len(layer.files))] if counts else []
        rows.append([digest, human_size(layer.size), human_size(layer.pull), *count, command])
    return columns(rows, align="<>>>" if counts else "<>>")


def _files(files: Sequence[ExplainedEntry], view: View) -> Iterator[str]:
    ordered = sorted(files, key=_key(view.order, lambda file: file.path))
    rows = [["FILE", "SIZE", "PULL", ""]]
    for file in _top(ordered, view):
        what = file.binary.go_version or "ELF" if file.binary is not None else "" if file.kind == "file" else file.kind
        rows.append([printable(file.path), human_size(file.size), human_size(file.pull), what])
    yield from columns(rows, align="<>>")
    yield from _more(len(ordered), view, "files")


def _program(name: str, program: ExplainedProgram, view: View) -> Iterator[str]:
    style = view.style
    is_library = not program.static and not program.interpreter
    unnamed = "ELF library" if is_library else "ELF executable"
    what = f"Go program ({program.go_version})" if program.go_version else unnamed
    level = f" {program.variant}" if program.variant else ""
    sizes = f"{human_size(program.size)} on disk, {human_size(program.pull)} to pull"
    yield f"{style(printable(name), 'bold')}  {what}, {program.architecture}{level}, {sizes}"
    yield from (f"  {line}" for line in columns(list(_program_facts(program))))
    yield from (f"  {line}" for line in _needs(program.needs, style))
    yield from (f"  {style('note:', 'yellow')} {fact}" for fact in (*program.facts, *program.problems))
    if view.selection.depth >= Depth.SECTION:
        yield ""
        yield from _sections(program)
    if view.selection.depth >= Depth.PACKAGE:
        yield ""
        yield from _packages(program, view)


def _program_facts(program: ExplainedProgram) -> Iterator[tuple[str, str]]:
    if program.packed:
        yield "packed", "by UPX: nothing inside can be told apart, unpack it with `upx -d` first"
    loaded = [one for one in (program.interpreter, *program.libraries) if one]
    linking = ["static"] if program.static else [f"dynamic: {', '.join(loaded)}" if loaded else "dynamic"]
    linking += ["position-independent"] if program.pie else []
    linking += [] if program.cgo is None else ["with C code (cgo)" if program.cgo else "no cgo"]
    yield "linking", printable(", ".join(linking))
    kept = ["symbol table"] if not program.stripped else []
    kept += ["debugging information"] if program.debug else []
    kept += ["paths of the build machine"] if program.trimmed is False else []
    yield "could be left out", ", ".join(kept) or "nothing"
    if program.modules:
        main, *others = program.modules
        count = f", and {len(others)} modules" if others else ""
        yield "built from", printable(f"{program.main or main.path} {main.version}{count}")
    if program.keeps_methods:
        yield "methods", "all are kept, as some are looked up by name at run time"
    if program.twin:
        yield "names of data", "from the same program, linked with its symbols"
    exact, all_ = (100 * part / max(program.size, 1) for part in (program.exact, program.attributed))
    yield "attributed", f"{exact:.1f}% exactly, {all_:.1f}% in all"


def _sections(program: ExplainedProgram) -> list[str]:
    """Show the sections, those of one name (what is between the others) together."""
    rows = [["SECTION", "SIZE", "PULL", "MEMORY", "EXACT"]]
    sums: dict[str, _Sum] = {}
    for section in program.sections:
        one = sums.setdefault(section.name, _Sum(section.name))
        _add(one, section.size, section.exact, section.pull)
        one.memory += section.memory
    for one in sums.values():
        if one.size or one.memory:
            exact = f"{100 * one.exact / one.size:.0f}%" if one.size else ""
            memory = human_size(one.memory) if one.memory else ""
            rows.append([printable(one.name), human_size(one.size), human_size(one.pull), memory, exact])
    return columns(rows, align="<>>>>")


def _packages(program: ExplainedProgram, view: View) -> Iterator[str]:
    sums: dict[str, _Sum] = {}
    parts: dict[str, dict[str, _Sum]] = {}
    for section in program.sections:
        for package in section.packages:
            one = sums.setdefault(package.name, _Sum(package.name))
            _add(one, package.size, package.exact, package.pull)
            if section.name == ".text":
                one.code += package.size
            for part in package.parts:
                _add_part(parts.setdefault(package.name, {}), part)
    ordered = sorted(sums.values(), key=_key(view.order, lambda one: one.name))
    rows = [["PACKAGE", "SIZE", "%", "PULL", "CODE", "EXACT"]]
    for one in _top(ordered, view):
        share = 100 * one.size / max(program.size, 1)
        rows.append(
            [
                printable(one.name),
                human_size(one.size),
                f"{share:.1f}",
                human_size(one.pull),
                human_size(one.code) if one.code else "",
                f"{100 * one.exact / one.size:.0f}%" if one.size else "",
            ]
        )
        inside = sorted(parts.get(one.name, {}).values(), key=_key(view.order, lambda part: part.name))
        for row in _top(inside, view):
            code = human_size(row.code) if row.code else ""
            rows.append([f"  {_short(printable(row.name))}", human_size(row.size), "", human_size(row.pull), code])
        if view.top and len(inside) > view.top:
            rows.append([f"  … and {len(inside) - view.top} more"])
    yield from columns(rows, align="<>>>>>")
    yield from _more(len(ordered), view, "packages")


def _add(one: _Sum, size: int, exact: int, pull: int) -> None:
    one.size += size
    one.exact += exact
    one.pull += pull


def _add_part(parts: dict[str, _Sum], part: ExplainedPart) -> None:
    name = part.name or part.kind
    one = parts.setdefault(name, _Sum(name))
    _add(one, part.size, part.exact, part.pull)
    if part.kind == "code":
        one.code += part.size


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME // 2]}…{name[-_MAX_NAME // 2 :]}"


def _key(order: Order, name: Callable[..., str]) -> Callable[..., tuple[int, str]]:
    if order == "name":
        return lambda one: (0, name(one))
    return lambda one: (-(one.pull if order == "pull" else one.size), name(one))


def _top(rows: Sequence[_Row], view: View) -> Sequence[_Row]:
    return rows[: view.top] if view.top else rows


def _more(count: int, view: View, what: str) -> Iterator[str]:
    if view.top and count > view.top:
        yield view.style(f"… and {count - view.top} more {what}: --top 0 shows all", "dim")
