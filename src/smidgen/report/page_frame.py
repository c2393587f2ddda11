"""What every page has: head, policy, style, scripts; and tables, figures and bars that need no script.

A page's policy allows its very style and its very script, by their digests, and nothing from anywhere: no text out of
an image can run, and the page never asks a network.

Source: W3C Content Security Policy Level 3; WAI-ARIA 1.2.
"""

import base64
import hashlib
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final, TypeAlias

import msgspec

from smidgen._version import __version__
from smidgen.report.printable import printable

#: Rows of a table that are drawn; more do not help a person, and JSON has them all.
MOST_ROWS: Final = 1000
#: About how many bytes the rows of a table may take.
MOST_TABLE: Final = 160_000
#: Longer texts are cut; names of files are at most 4096 bytes.
_MOST_TEXT: Final = 4096
_LEAST_BAR: Final = 0.4
_SECTION: Final = "<section><h2>"
_LEAST_LINKS: Final = 3
_MOST_LINKS: Final = 24


@dataclass(frozen=True, slots=True)
class Markup:
    """Text that is HTML already: ours, with everything of others escaped in it."""

    html: str


#: What stands in a cell: a text of anybody, or markup of ours.
Cell: TypeAlias = str | Markup


def text(words: str) -> str:
    """Give *words* as HTML that shows them, whoever wrote them; very long ones without their end."""
    return html.escape(printable(words if len(words) <= _MOST_TEXT else f"{words[:_MOST_TEXT]}…"))


def asset(name: str) -> str:
    """Read a file of the pages' own."""
    return resources.files("smidgen.report.page").joinpath(name).read_text(encoding="utf-8")


def render_frame(
    *, title: str, heading: str, about: str, body: Iterable[str], scripts: Sequence[str] = (), data: object = None
) -> str:
    """Render a whole page.

    Args:
        title: Of the window.
        heading: Of the page.
        about: What stands beside the heading, as HTML.
        body: Parts of the main content, as HTML.
        scripts: Names of files that run after what every page has.
        data: What those read, or None.
    """
    style = asset("page.css")
    script = "\n".join(map(asset, ("page.js", *scripts)))
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    content = _linked("\n".join(part for part in body if part))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#main">Skip to the content</a>\n<header><h1>{text(heading)}</h1><p>{about}</p>'
        '<button id="theme" type="button" data-script hidden>Light or dark</button></header>\n'
        f'<main id="main" tabindex="-1">\n{content}\n</main>\n'
        f"<footer>Made by smidgen {text(__version__)}. This page asks nothing of any network.</footer>\n"
        f"{_data(data)}<script>{script}</script>\n</body>\n</html>\n"
    )


def _linked(content: str) -> str:
    """Put links to the sections before the first of them; all texts of others are escaped, so the marks are ours."""
    pieces = content.split(_SECTION)
    titles = [piece.partition("</h2>")[0] for piece in pieces[1:]]
    if len(titles) < _LEAST_LINKS:
        return content
    links = "".join(f'<li><a href="#s{at}">{title}</a></li>' for at, title in enumerate(titles[:_MOST_LINKS], 1))
    linked = "".join(f'<section id="s{at}"><h2>{piece}' for at, piece in enumerate(pieces[1:], 1))
    nav = f'<nav class="sections" aria-label="Sections"><ul>{links}</ul></nav>\n'
    # The numbers that say the most stay above.
    sums, mark, rest = pieces[0].partition("</dl>")
    return f"{sums}{mark}\n{nav}{rest}{linked}" if mark else f"{nav}{sums}{linked}"


def _data(data: object) -> str:
    if data is None:
        return ""
    # In a script element "<" could begin its end, or a comment.
    json = msgspec.json.encode(data).decode().replace("<", "\\u003c")
    return f'<script type="application/json" id="data">{json}</script>\n'


def _digest(words: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(words.encode()).digest()).decode()


def render_sums(rows: Mapping[str, str]) -> str:
    """Render a few numbers that say the most."""
    cells = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in rows.items())
    return f'<dl class="sums">{cells}</dl>'


def within(sections: Iterable[str], most: int) -> Iterable[str]:
    """Give sections as long as they take less than about *most* bytes, and say so where some are left out."""
    left = most
    for number, section in enumerate(sections):
        left -= len(section.encode("utf-8", "replace"))
        if left < 0 and number:
            yield "<p>More is left out, so that this page can be opened; --json has all of it.</p>"
            return
        yield section


def render_section(title: str, *parts: str) -> str:
    """Render a section with its heading, or nothing where nothing is in it."""
    content = "\n".join(part for part in parts if part)
    return f"{_SECTION}{text(title)}</h2>{content}</section>" if content else ""


def render_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, numbers: Iterable[int] = ()) -> str:
    """Render a table, or nothing where it has no rows.

    Args:
        columns: Headings; a table whose headings are all empty is one of names and values.
        rows: The first cell of each is its heading.
        numbers: Which columns stand to the right, from 0.
    """
    found = list(rows)
    if not found:
        return ""
    right = frozenset(numbers)
    head = "".join(
        f'<th scope="col"{_right(at, right)}>{text(column)}</th>' if column else "<td></td>"
        for at, column in enumerate(columns)
    )
    head = f"<thead><tr>{head}</tr></thead>" if any(columns) else ""
    lines = _lines(found, right)
    above = f"<caption>The first {len(lines):,} of {len(found):,}</caption>" if len(lines) < len(found) else ""
    kind = "" if any(columns) else ' class="pairs"'
    return f'<div class="scroll"><table{kind}>{above}{head}<tbody>{"".join(lines)}</tbody></table></div>'


def _lines(rows: Sequence[Sequence[Cell]], right: frozenset[int]) -> list[str]:
    """Render the first rows, as many as a page can bear; one at least."""
    lines: list[str] = []
    left = MOST_TABLE
    for row in rows[:MOST_ROWS]:
        line = f"<tr>{_cells(row, right)}</tr>"
        left -= len(line.encode("utf-8", "replace"))
        if left < 0 and lines:
            break
        lines.append(line)
    return lines


def _cells(row: Sequence[Cell], right: frozenset[int]) -> str:
    first, *rest = (cell.html if isinstance(cell, Markup) else text(cell) for cell in row)
    others = "".join(f"<td{_right(at, right)}>{cell}</td>" for at, cell in enumerate(rest, 1))
    return f'<th scope="row">{first}</th>{others}'


def _right(at: int, numbers: frozenset[int]) -> str:
    return ' class="number"' if at in numbers else ""


def render_chart(title: str, rows: Iterable[tuple[str, float | None, str]]) -> str:
    """Render bars that lie: a table to those who hear it.

    Args:
        title: What is measured.
        rows: Name, value, and the value for people; without a value there is no bar.
    """
    found = list(rows)
    most = max((value for _, value, _ in found if value is not None), default=0)
    lines = "".join(
        f'<tr><th scope="row">{text(name)}</th><td class="bar">{_bar(value, most)}</td>'
        f'<td class="number">{text(shown)}</td></tr>'
        for name, value, shown in found
    )
    return f'<table class="chart"><caption>{text(title)}</caption><tbody>{lines}</tbody></table>'


def _bar(value: float | None, most: float) -> str:
    if not value or not most:
        return ""
    width = max(_LEAST_BAR, 100 * value / most)
    return f'<svg aria-hidden="true" width="100%" height="14"><rect width="{width:.2f}%" height="14" rx="2"/></svg>'


def render_change(change: int, most: int) -> Markup:
    """Render a bar from the middle, to the left for what got smaller; the number stands beside it for all to read."""
    width = max(_LEAST_BAR, 50 * abs(change) / most) if change and most else 0
    start = 50 - width if change < 0 else 50
    kind = "less" if change < 0 else "more"
    return Markup(
        '<svg class="change" aria-hidden="true" width="100%" height="14"><rect class="middle" x="50%" width="1" '
        f'height="14"/><rect class="{kind}" x="{start:.2f}%" width="{width:.2f}%" height="14"/></svg>'
    )
