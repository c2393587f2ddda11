"""Wasted bytes: smidgen beside dive, on images of which the truth is known since they are made here.

Run it with ``PYTHONPATH=src:tests python benchmarks/waste.py``; it writes ``waste.md`` beside itself. dive is built
from the Go module proxy and kept where the tests keep their tools.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from smidgen.analyze.image.walk import read_content
from smidgen.image.image import Image
from smidgen.layer.entry import Entry, Kind
from smidgen.oci.reference import Reference
from smidgen.report.text import human_size
from smidgen.store.content import ContentStore
from support.go_tools import go_tool
from support.small_images import put_image

_DIVE = "github.com/wagoodman/dive@v0.13.1"
_OUT = Path(__file__).with_suffix(".md")


def _hidden(path: str) -> Entry:
    directory, _, name = path.rpartition("/")
    return Entry.file(f"{directory}/.wh.{name}".strip("/"), b"")


def _file(path: str, size: int) -> Entry:
    return Entry.file(path, bytes(size))


def _link(path: str, target: str) -> Entry:
    return Entry(path=path, kind=Kind.HARDLINK, mode=0o644, link=target)


_DIRECTORIES = [Entry.directory("d"), Entry.directory("d/e")]
#: What happens → (layers, bytes that no container can read).
_CASES: dict[str, tuple[Sequence[Sequence[Entry]], int]] = {
    "a file is deleted": (([_file("a", 1_000_000), _file("b", 1_000_000)], [_hidden("a")]), 1_000_000),
    "a file is replaced by one of its size": (([_file("a", 1_000_000)], [_file("a", 1_000_000)]), 1_000_000),
    "a file is replaced by a larger one": (([_file("a", 1_000_000)], [_file("a", 3_000_000)]), 1_000_000),
    "a file is replaced by a smaller one": (([_file("a", 3_000_000)], [_file("a", 1_000_000)]), 3_000_000),
    "a file comes in three layers": (([_file("a", 1_000_000)],) * 3, 2_000_000),
    "a directory is deleted": (
        ([*_DIRECTORIES, _file("d/a", 1_000_000), _file("d/e/b", 1_000_000), _file("c", 1_000_000)], [_hidden("d")]),
        2_000_000,
    ),
    "a directory is made opaque": (
        (
            [*_DIRECTORIES, _file("d/a", 1_000_000), _file("d/e/b", 1_000_000)],
            [Entry.directory("d"), Entry.file("d/.wh..wh..opq", b""), _file("d/new", 1_000_000)],
        ),
        2_000_000,
    ),
    "one of two hard links is deleted": (
        ([_file("a", 1_000_000), _link("b", "a"), _file("c", 1_000_000)], [_hidden("a")]),
        0,
    ),
    "both hard links are deleted": (
        ([_file("a", 1_000_000), _link("b", "a"), _file("c", 1_000_000)], [_hidden("a"), _hidden("b")]),
        1_000_000,
    ),
    "a link takes a directory's place": (
        ([*_DIRECTORIES, _file("d/a", 1_000_000), _file("c", 1_000_000)], [Entry.symlink("d", "/c")]),
        1_000_000,
    ),
    "127 layers, each with the same log": (tuple([_file("log", 10_000 + at)] for at in range(127)), 1_267_875),
}


def _dive(image: Image, directory: Path) -> tuple[int, float]:
    archive, result = directory / "image.tar", directory / "dive.json"
    image.save(archive)
    command = [str(go_tool(_DIVE)), "--json", str(result), f"docker-archive://{archive}"]
    subprocess.run(command, check=False, capture_output=True, timeout=120, env=os.environ | {"CI": "true"})
    found = json.loads(result.read_text())["image"]
    return found["inefficientBytes"], found["efficiencyScore"]


def _many(count: int) -> list[list[Entry]]:
    paths = [f"usr/lib/modules/m{at // 100:05d}/file{at:06d}.js" for at in range(count)]
    return [[_file(path, 100) for path in paths], [_file(path, 100) for path in paths[: count // 10]]]


def _timed(directory: Path) -> list[str]:
    store = ContentStore.open(directory / "store")
    image = Image(store, put_image(store, *_many(100_000), compression="none")).tag("many:1")
    started = time.perf_counter()
    read_content(image)
    ours = time.perf_counter() - started
    started = time.perf_counter()
    _dive(image, directory)
    theirs = time.perf_counter() - started
    return ["", f"An image of 110,000 files in two layers: smidgen {ours:.1f} s, dive {theirs:.1f} s."]


def main() -> None:
    """Compare, and write the table."""
    lines = [
        "# Wasted bytes, beside dive",
        "",
        f"Made by `benchmarks/waste.py` with dive {_DIVE.partition('@')[2]}. Each image is made for the case, so that",
        "the truth is known: the bytes of files that no container can read.",
        "",
        "| what happens | truth | smidgen | dive | smidgen, efficiency | dive, efficiency |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name:
        for at, (case, (layers, truth)) in enumerate(_CASES.items()):
            directory = Path(name, str(at))
            directory.mkdir()
            store = ContentStore.open(directory / "store")
            image = Image(store, put_image(store, *layers), Reference.parse("case:1")).tag("case:1")
            content = read_content(image)
            wasted, efficiency = _dive(image, directory)
            sizes = " | ".join(human_size(one) for one in (truth, content.wasted_size, wasted))
            lines.append(f"| {case} | {sizes} | {content.efficiency:.1%} | {efficiency:.1%} |")
        lines += _timed(Path(name))
    _OUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
