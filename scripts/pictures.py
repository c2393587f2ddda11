#!/usr/bin/env python3
"""Makes the pictures of the documents: pages by headless Chromium, terminals as SVG; of real programs, each time anew.

The journey takes minutes, so that what was measured once is kept beside its picture:
``smidgen journey examples/web --http :8080/healthz --json > docs/pictures/journey.json``.
"""

import argparse
import asyncio
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text
from textual.widgets import DataTable

from smidgen.analyze.image.walk import read_content
from smidgen.analyze.target import opened_image
from smidgen.analyze.walk_image import WalkOptions, explain_image
from smidgen.cli.explore_screen import Explorer
from smidgen.report.page_journey import render_journey_page
from smidgen.report.schema_journey import read_journey

ROOT: Final = Path(__file__).resolve().parent.parent
PICTURES: Final = ROOT / "docs" / "pictures"
_WIDTH: Final = 1280
_COLUMNS: Final = 80
# The fonts would be asked of a network, and a picture of a file may not.
_FONT_FACES: Final = re.compile(r"@font-face \{+.*?\}+\s*", re.DOTALL)
_FONT: Final = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace'


def main() -> None:
    """Make all pictures, or those named."""
    makers = {"explain": explain_page, "journey": journey_page, "terminal": terminal, "explore": explore}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"only these: {', '.join(makers)}")
    names = parser.parse_args().names or list(makers)
    if unknown := set(names).difference(makers):
        parser.error(f"there is no picture {min(unknown)}")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="smidgen-pictures-") as directory:
        work = Path(directory)
        for example in ("web", "https-client"):
            shutil.copytree(ROOT / "examples" / example, work / example)
        for name in names:
            sys.stderr.write(f"{name}\n")
            makers[name](work)
    for path in sorted(PICTURES.iterdir()):
        sys.stderr.write(f"{path.stat().st_size:>8,} {path.name}\n")


def explain_page(work: Path) -> None:
    """Take the treemap of the example web server, light and dark."""
    _smidgen(work, "build", "-q", "-t", "web", "--expose", "8080", cwd=work / "web")
    _smidgen(work, "explain", "web", "--html", "explain.html", cwd=work)
    _photograph(work / "explain.html", "explain", height=850)


def journey_page(work: Path) -> None:
    """Take the charts of the journey that was measured."""
    kept = PICTURES / "journey.json"
    page = work / "journey.html"
    page.write_text(render_journey_page(read_journey(kept.read_bytes(), name=str(kept))), encoding="utf-8")
    _photograph(page, "journey", height=800)


def terminal(work: Path) -> None:
    """Take what ``smidgen explain`` prints on a terminal."""
    _smidgen(work, "build", "-q", "-t", "web", "--expose", "8080", cwd=work / "web")
    command = "smidgen explain web --top 8"
    # util-linux's script gives the command a terminal, so that it prints colours.
    printed = subprocess.run(
        ("script", "-qec", command, "/dev/null"), cwd=work, env=_environment(work), check=True, stdout=subprocess.PIPE
    ).stdout.decode()
    console = Console(record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(f"\x1b[1;32m$\x1b[0m {command}\n{printed.replace(chr(13), '')}".rstrip()))
    svg = console.export_svg(title="smidgen explain", code_format=_without_fonts(CONSOLE_SVG_FORMAT), unique_id="t")
    (PICTURES / "terminal.svg").write_text(_mono(svg), encoding="utf-8")


def explore(work: Path) -> None:
    """Take the full screen of ``smidgen explore``."""
    _smidgen(work, "build", "-q", "-t", "fetch", "--base", "static", cwd=work / "https-client")

    async def take(explorer: Explorer) -> str:
        async with explorer.run_test(size=(136, 30)) as pilot:
            await pilot.pause()
            explorer.query_one("#layers", DataTable).move_cursor(row=1)
            await pilot.press("e")
            await pilot.pause()
            return explorer.export_screenshot(simplify=True)

    with opened_image("fetch", store=work / "store", platform=None) as image:
        explorer = Explorer(image, explain_image(image, WalkOptions(binaries=False)), read_content(image))
        svg = asyncio.run(take(explorer))
    (PICTURES / "explore.svg").write_text(_mono(_without_fonts(svg)), encoding="utf-8")


def _without_fonts(text: str) -> str:
    return _FONT_FACES.sub("", text)


def _mono(svg: str) -> str:
    svg = svg.replace("Fira Code, monospace", _FONT)
    # Numbers of the styles are those of the process; the same picture is to have the same bytes.
    names = dict.fromkeys(re.findall(r"terminal-\d+", svg))
    for name in names:
        svg = svg.replace(name, "s")
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines() if line.strip())


def _environment(work: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    size = {"COLUMNS": str(_COLUMNS), "LINES": "60", "TERM": "xterm-256color"}
    return {**os.environ, **size, "PATH": path, "SMIDGEN_STORE": str(work / "store")}


def _smidgen(work: Path, *arguments: str, cwd: Path) -> None:
    subprocess.run(("smidgen", *arguments), cwd=cwd, env=_environment(work), check=True, stdout=subprocess.DEVNULL)


def _photograph(page: Path, name: str, *, height: int) -> None:
    """Load *page* in Chromium, light and dark, and keep what is seen at the top of it."""
    for scheme, options in (("light", ()), ("dark", ("--force-dark-mode",))):
        with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
            subprocess.run(
                (
                    "chromium",
                    "--headless=new",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--hide-scrollbars",
                    "--virtual-time-budget=3000",
                    f"--window-size={_WIDTH},{height}",
                    f"--user-data-dir={profile}",
                    f"--screenshot={PICTURES / name}-{scheme}.webp",
                    *options,
                    page.as_uri(),
                ),
                check=True,
                stderr=subprocess.DEVNULL,
            )


if __name__ == "__main__":
    main()
