"""``smidgen explain --html``: one file that needs nothing else, with all texts escaped.

The page's policy allows this very style and this very script, by their digests, and nothing from anywhere: no text out
of an image can run, and the page never asks a network.

Source: W3C Content Security Policy Level 3; WAI-ARIA 1.2.
"""

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Final

import msgspec

from smidgen._version import __version__
from smidgen.report.page_tree import KINDS, report_tree, written
from smidgen.report.printable import printable
from smidgen.report.schema_explain import ExplainedContainer, ExplainedProgram, ExplainReport, ProgramNeed
from smidgen.report.text import human_size

#: About how many bytes the tree may take; the whole page has some 60 kB more.
MOST_TREE: Final = 1_500_000
_MOST_PROGRAMS: Final = 10
_MOST_ROWS: Final = 1000


def render_page(report: ExplainReport, *, most: int = MOST_TREE) -> str:
    """Render the whole page.

    Args:
        report: What was found, down to functions.
        most: About how many bytes the tree may take; what is small is summed up where it would take more.
    """
    style, script = (_file(name) for name in ("explain.css", "explain.js"))
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    title = _text(f"{report.name} · smidgen explain")
    body = "\n".join(
        (_header(report), '<main id="main">', _sums(report), _file("map.html"), *_tables(report), "</main>", _footer())
    )
    data = {"kinds": KINDS, "tree": written(report_tree(report), most=most)}
    # In a script element "<" could begin its end, or a comment.
    json = msgspec.json.encode(data).decode().replace("<", "\\u003c")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n"
        f'<script type="application/json" id="data">{json}</script>\n<script>{script}</script>\n</body>\n</html>\n'
    )


def _file(name: str) -> str:
    return resources.files("smidgen.report.page").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(text: str) -> str:
    return html.escape(printable(text))


def _header(report: ExplainReport) -> str:
    image, binary = report.image, report.binary
    about = ""
    if image is not None:
        about = f"{_text(image.platform)} <code>{_text(image.digest)}</code>"
    elif binary is not None:
        about = _text(f"{binary.architecture} {binary.go_version}".strip())
    return (
        f'<a class="skip" href="#main">Skip to the content</a>\n<header><h1>{_text(report.name)}</h1><p>{about}</p>'
        '<button id="theme" type="button" aria-pressed="false" data-script hidden>Light or dark</button></header>'
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
    cells = "".join(f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in rows.items())
    return f'<dl class="sums">{cells}</dl>'


def _tables(report: ExplainReport) -> Iterable[str]:
    image = report.image
    if image is not None:
        yield _table("What the program needs", _NEED_COLUMNS, map(_need, image.needs))
        yield _table("Layers", ("", "instruction", "on disk", "to pull", "files", "digest"), _layer_rows(image))
        yield _table("How it is started", ("", ""), _config_rows(image))
        programs = [
            (file.path, file.binary) for layer in image.layers for file in layer.files if file.binary is not None
        ]
    else:
        programs = [(report.name, report.binary)] if report.binary is not None else []
    programs.sort(key=lambda one: -one[1].size)
    for path, program in programs[:_MOST_PROGRAMS]:
        yield from _program(path, program, with_needs=image is None)


_NEED_COLUMNS: Final = ("need", "how sure", "proof", "why", "in the image")


def _program(path: str, program: ExplainedProgram, *, with_needs: bool) -> Iterable[str]:
    yield _table(f"Program {path}", ("", ""), _fact_rows(program))
    if with_needs:
        yield _table("What it needs", _NEED_COLUMNS[:4], (_need(need)[:4] for need in program.needs))
    modules = ((one.path, one.version, one.replaced_by or "") for one in program.modules)
    yield _table(f"Modules of {path}", ("module", "version", "replaced by"), modules)
    yield _table(f"Build settings of {path}", ("", ""), program.settings.items())
    notes = (*program.facts, *program.problems)
    if notes:
        yield f'<ul class="notes">{"".join(f"<li>{_text(note)}</li>" for note in notes)}</ul>'


def _need(need: ProgramNeed) -> tuple[str, ...]:
    place = "" if need.place is None else need.place or "missing"
    return need.kind, need.confidence, need.proof, need.reason, place


def _layer_rows(image: ExplainedContainer) -> Iterable[tuple[str, ...]]:
    for number, layer in enumerate(image.layers, 1):
        sizes = human_size(layer.size), human_size(layer.pull), f"{len(layer.files):,}"
        yield str(number), layer.created_by, *sizes, layer.digest


def _config_rows(image: ExplainedContainer) -> Iterable[tuple[str, str]]:
    words = {"entrypoint": " ".join(image.entrypoint), "cmd": " ".join(image.cmd), "program": image.program}
    words |= {"user": image.user or "root", "working directory": image.working_dir, "ports": ", ".join(image.ports)}
    yield from ((name, value) for name, value in words.items() if value)
    yield from ((f"env {name}", value) for name, value in image.env.items())
    yield from ((f"label {name}", value) for name, value in image.labels.items())


def _fact_rows(program: ExplainedProgram) -> Iterable[tuple[str, str]]:
    words = {
        "architecture": f"{program.architecture} {program.variant}".strip(),
        "Go": program.go_version,
        "main package": program.main,
        "linking": "static" if program.static else f"dynamic: {' '.join((program.interpreter, *program.libraries))}",
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


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Render a table, or nothing where it has no rows; a column with a number in its first row is one of numbers."""
    found = list(rows)
    if not found:
        return ""
    head = "".join(f'<th scope="col">{_text(column)}</th>' for column in columns)
    head = f"<thead><tr>{head}</tr></thead>" if any(columns) else ""
    lines = "".join(f"<tr>{_cells(row)}</tr>" for row in found[:_MOST_ROWS])
    more = f"<caption>The first {_MOST_ROWS} of {len(found):,}</caption>" if len(found) > _MOST_ROWS else ""
    kind = "" if any(columns) else ' class="pairs"'
    table = f'<div class="scroll"><table{kind}>{more}{head}<tbody>{lines}</tbody></table></div>'
    return f"<section><h2>{_text(title)}</h2>{table}</section>"


def _cells(row: Sequence[str]) -> str:
    first, *rest = (_text(cell) for cell in row)
    return f'<th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest)


def _footer() -> str:
    return f"<footer>Made by smidgen {_text(__version__)}. This page asks nothing of any network.</footer>"
