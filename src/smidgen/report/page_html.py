"""``smidgen explain --html``: one file that needs nothing else, with all texts escaped."""

from collections.abc import Iterable, Sequence
from typing import Final

from smidgen.needs.need import NeedKind
from smidgen.report.made_by import instruction
from smidgen.report.page_frame import (
    Cell,
    Markup,
    asset,
    render_frame,
    render_section,
    render_sums,
    render_table,
    text,
    within,
)
from smidgen.report.page_tree import KINDS, report_tree, written
from smidgen.report.schema_explain import ExplainedContainer, ExplainedProgram, ExplainReport, ProgramNeed
from smidgen.report.text import human_size

#: About how many bytes the tree, tables and other sections may take; the whole page has some 30 kB more.
MOST_TREE: Final = 1_600_000
_MOST_TABLES: Final = 500_000
_MOST_PROGRAMS: Final = 10


def render_page(report: ExplainReport, *, more: Iterable[str] = (), most: int = MOST_TREE) -> str:
    """Render the whole page.

    Args:
        report: What was found, down to functions.
        more: Sections of other reports, as HTML, which stand before the tables.
        most: About how many bytes the tree may take with what else varies; what is small is summed up.
    """
    others = list(more)
    tables = list(within(_tables(report), _MOST_TABLES))
    room = max(most // 4, most - sum(len(part.encode("utf-8", "replace")) for part in (*others, *tables)))
    about = ""
    if report.image is not None:
        about = f"{text(report.image.platform)} <code>{text(report.image.digest)}</code>"
    elif report.binary is not None:
        about = text(f"{report.binary.architecture} {report.binary.go_version}".strip())
    return render_frame(
        title=f"{report.name} · smidgen explain",
        heading=report.name,
        about=about,
        body=(_sums(report), asset("map.html"), *_needs(report), *others, *tables),
        scripts=("explain.js",),
        data={"kinds": KINDS, "tree": written(report_tree(report), most=room)},
    )


def _sums(report: ExplainReport) -> str:
    sums = report.bytes
    rows = {"on disk": human_size(sums.total), "to pull": human_size(sums.pull)}
    if sums.total:
        rows["owner certain"] = f"{sums.exact / sums.total:.1%}"
        rows["owner known"] = f"{sums.attributed / sums.total:.1%}"
    if report.image is not None:
        rows["layers"] = str(len(report.image.layers))
        rows["files"] = f"{sum(len(layer.files) for layer in report.image.layers):,}"
        rows["runs as"] = "root" if report.image.root else report.image.user
    return render_sums(rows)


def _needs(report: ExplainReport) -> Iterable[str]:
    """Render what the program needs, each with the function that shows it and those that lead there."""
    image, binary = report.image, report.binary
    needs = image.needs if image is not None else binary.needs if binary is not None else ()
    columns = ("need", "how sure", "why", "proof", *(("in the image",) if image is not None else ()))
    rows = (_need(need)[: len(columns)] for need in needs)
    yield render_section("What the program needs, and the proof", render_table(columns, rows))


def _need(need: ProgramNeed) -> Sequence[Cell]:
    place = "" if need.place is None else need.place or "not in it"
    return NeedKind(need.kind).label, need.confidence, need.reason, _proof(need), place


def _proof(need: ProgramNeed) -> Markup:
    shown = f"<code>{text(need.proof)}</code>" if need.proof else ""
    if not need.callers:
        return Markup(shown)
    items = "".join(f"<li><code>{text(caller)}</code></li>" for caller in need.callers)
    return Markup(f"{shown}<details><summary>reached from {len(need.callers)}</summary><ul>{items}</ul></details>")


def _tables(report: ExplainReport) -> Iterable[str]:
    image = report.image
    if image is not None:
        columns = ("", "instruction", "on disk", "to pull", "files", "digest")
        yield render_section("Layers", render_table(columns, _layer_rows(image), numbers=(2, 3, 4)))
        yield render_section("How it is started", render_table(("", ""), _config_rows(image)))
        programs = [
            (file.path, file.binary) for layer in image.layers for file in layer.files if file.binary is not None
        ]
    else:
        programs = [(report.name, report.binary)] if report.binary is not None else []
    programs.sort(key=lambda one: -one[1].size)
    for path, program in programs[:_MOST_PROGRAMS]:
        yield from _program(path, program)


def _program(path: str, program: ExplainedProgram) -> Iterable[str]:
    notes = (*program.facts, *program.problems)
    said = f'<ul class="notes">{"".join(f"<li>{text(note)}</li>" for note in notes)}</ul>' if notes else ""
    yield render_section(f"Program {path}", render_table(("", ""), _fact_rows(program)), said)
    modules = ((one.path, one.version, one.replaced_by or "") for one in program.modules)
    yield render_section(f"Modules of {path}", render_table(("module", "version", "replaced by"), modules))
    yield render_section(f"Build settings of {path}", render_table(("", ""), program.settings.items()))


def _layer_rows(image: ExplainedContainer) -> Iterable[tuple[str, ...]]:
    for number, layer in enumerate(image.layers, 1):
        sizes = human_size(layer.size), human_size(layer.pull), f"{len(layer.files):,}"
        yield str(number), instruction(layer.created_by), *sizes, layer.digest


def _config_rows(image: ExplainedContainer) -> Iterable[tuple[str, str]]:
    words = {"entrypoint": " ".join(image.entrypoint), "cmd": " ".join(image.cmd), "program": image.program}
    words |= {"user": image.user or "root", "working directory": image.working_dir, "ports": ", ".join(image.ports)}
    yield from ((name, value) for name, value in words.items() if value)
    yield from ((f"env {name}", value) for name, value in image.env.items())
    yield from ((f"label {name}", value) for name, value in image.labels.items())


def _fact_rows(program: ExplainedProgram) -> Iterable[tuple[str, str]]:
    loaded = (program.interpreter, *program.libraries)
    words = {
        "architecture": f"{program.architecture} {program.variant}".strip(),
        "Go": program.go_version,
        "main package": program.main,
        "linking": "static" if program.static else " ".join(("dynamic:", *filter(None, loaded))),
        "symbol table": _yes_or_no(not program.stripped),
        "debugging information": _yes_or_no(program.debug),
        "paths of the build machine": _yes_or_no(None if program.trimmed is None else not program.trimmed),
        "position-independent": _yes_or_no(program.pie),
        "packed with UPX": _yes_or_no(program.packed),
        "C code (cgo)": _yes_or_no(program.cgo),
        "methods kept for lookup by name": _yes_or_no(program.keeps_methods),
        "size": f"{human_size(program.size)}, {human_size(program.pull)} to pull",
    }
    return ((name, value) for name, value in words.items() if value)


def _yes_or_no(value: object) -> str:
    return "" if value is None else "yes" if value else "no"
