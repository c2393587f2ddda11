"""``smidgen explore``: the screen, driven by keys as a person does it."""

import asyncio
import os
import select
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from rich.text import Text
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static, TabbedContent, Tree
from textual.widgets.tree import TreeNode

from smidgen.analyze.image.walk import read_content
from smidgen.analyze.walk_image import WalkOptions, explain_image
from smidgen.cli.explore_screen import Explorer
from smidgen.image.image import Image
from smidgen.layer.entry import Entry
from smidgen.oci.reference import Reference
from smidgen.report.file_browser import BrowsedFile
from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.small_images import put_image
from support.tiny_executable import tiny_executable

_EVIL = "[bold]\x1b[31mred"
_LAYERS = (
    [Entry.file("etc/app.conf", b"old" * 1000), Entry.file("etc/gone", b"x"), Entry.file(_EVIL, b"1")],
    [Entry.file("etc/app.conf", b"new"), Entry.file("etc/.wh.gone", b""), Entry.symlink("link", "etc/app.conf")],
    [Entry.file("hello", tiny_executable(b"hello\n"), mode=0o4755, uid=7, gid=8)],
)

_Steps = Callable[[Explorer, Pilot[None]], Awaitable[None]]


def _drive(tmp_path: Path, steps: _Steps, *layers: list[Entry]) -> None:
    store = ContentStore.open(tmp_path / "store")
    image = Image(store, put_image(store, *(layers or _LAYERS)))
    explorer = Explorer(image, explain_image(image, WalkOptions(binaries=False)), read_content(image))

    async def run() -> None:
        async with explorer.run_test(size=(160, 48)) as pilot:
            await pilot.pause()
            await steps(explorer, pilot)

    asyncio.run(run())


def _labels(explorer: Explorer) -> list[str]:
    """Give what the tree shows, opened nodes only, without what stands before the names."""
    found: list[str] = []

    def collect(node: TreeNode[BrowsedFile]) -> None:
        for child in node.children:
            found.append(str(child.label).lstrip())
            if child.is_expanded:
                collect(child)

    collect(explorer.query_one("#tree", Tree).root)
    return found


def _details(explorer: Explorer) -> str:
    return str(explorer.query_one("#details", Static).content)


def test_layers_and_files(tmp_path: Path) -> None:
    async def steps(explorer: Explorer, pilot: Pilot[None]) -> None:
        assert explorer.query_one("#layers", DataTable).row_count == 3
        assert "layer      3 of 3: the image as it is then" in _details(explorer)
        assert any(
            label.startswith("-rwsr-xr-x         7:8") and label.endswith("  hello") for label in _labels(explorer)
        )
        await pilot.press("b")
        assert sorted(_labels(explorer)) == ["[bold]\\x1b[31mred", "etc/", "hello", "link → etc/app.conf"]
        await pilot.press("w")
        assert "this layer alone" in _details(explorer)
        assert _labels(explorer) == ["hello"]
        await pilot.press("w", "e")
        assert "all that changed since the first layer" in _details(explorer)
        assert "gone" in _labels(explorer)
        await pilot.press("r", "u")
        assert _labels(explorer) == ["etc/", "app.conf", "hello", "link → etc/app.conf"]

    _drive(tmp_path, steps)


def test_another_layer_and_its_changes(tmp_path: Path) -> None:
    async def steps(explorer: Explorer, pilot: Pilot[None]) -> None:
        explorer.query_one("#layers", DataTable).focus()
        await pilot.press("up", "b", "e")
        assert "layer      2 of 3" in _details(explorer)
        assert _labels(explorer) == ["etc/", "app.conf", "gone", "[bold]\\x1b[31mred", "link → etc/app.conf"]
        await pilot.press("r", "u")
        assert "hidden     removed, unchanged" in _details(explorer)
        assert _labels(explorer) == ["etc/", "app.conf", "link → etc/app.conf"]
        etc = explorer.query_one("#tree", Tree).root.children[0]
        assert "yellow" in str(etc.label.spans if isinstance(etc.label, Text) else "")
        await pilot.press("r", "u", "e", "s")
        assert _labels(explorer)[0] == "etc/"
        await pilot.press("s")
        assert "etc/" in _labels(explorer)
        assert "app.conf" not in _labels(explorer)

    _drive(tmp_path, steps)


def test_a_filter(tmp_path: Path) -> None:
    async def steps(explorer: Explorer, pilot: Pilot[None]) -> None:
        await pilot.press("b", "slash", *"APP.c", "enter")
        await pilot.pause()
        assert _labels(explorer) == ["etc/", "app.conf"]
        await pilot.press("escape")
        await pilot.pause()
        assert len(_labels(explorer)) == 4
        assert not explorer.query_one("#filter", Input).has_class("shown")

    _drive(tmp_path, steps)


def test_waste(tmp_path: Path) -> None:
    async def steps(explorer: Explorer, pilot: Pilot[None]) -> None:
        table = explorer.query_one("#waste-table", DataTable)
        await pilot.pause()
        rows = [[str(cell) for cell in table.get_row_at(at)] for at in range(table.row_count)]
        assert ["3kB", "1", "/etc/app.conf", "replaced", "1", "2"] in rows
        assert ["1B", "1", "/etc/gone", "deleted", "1", "2"] in rows
        assert "wasted     3kB" in _details(explorer)

    _drive(tmp_path, steps)


def test_packages_of_an_executable(tmp_path: Path) -> None:
    async def steps(explorer: Explorer, pilot: Pilot[None]) -> None:
        tree = explorer.query_one("#tree", Tree)
        await pilot.press("p")  # the root is a directory
        assert explorer.query_one("#right", TabbedContent).active == "files"
        tree.move_cursor(next(node for node in tree.root.children if str(node.label).endswith("hello")))
        await pilot.press("p")
        await explorer.workers.wait_for_complete()
        await pilot.pause()
        assert explorer.query_one("#right", TabbedContent).active == "packages"
        assert "/hello  not Go, " in str(explorer.query_one("#program", Static).content)
        assert explorer.query_one("#package-table", DataTable).row_count >= 1

    _drive(tmp_path, steps)


def test_what_is_no_executable(tmp_path: Path) -> None:
    async def steps(explorer: Explorer, pilot: Pilot[None]) -> None:
        tree = explorer.query_one("#tree", Tree)
        tree.move_cursor(next(node for node in tree.root.children if str(node.label).endswith("red")))
        await pilot.press("p")
        await explorer.workers.wait_for_complete()
        await pilot.pause()
        said = str(explorer.query_one("#program", Static).content)
        assert "expected b'\\x7fELF'" in said
        assert "\x1b" not in said

    _drive(tmp_path, steps)


def test_an_empty_image_and_a_large_directory(tmp_path: Path) -> None:
    async def empty(explorer: Explorer, _pilot: Pilot[None]) -> None:
        assert "layer" not in _details(explorer)
        assert _labels(explorer) == []

    async def large(explorer: Explorer, _pilot: Pilot[None]) -> None:
        assert len(_labels(explorer)) == 2001
        assert _labels(explorer)[-1].startswith("… and 500 more")

    _drive(tmp_path / "large", large, [Entry.file(f"f{at:05}", b"") for at in range(2500)])
    store = ContentStore.open(tmp_path / "store")
    image = Image(store, put_image(store))
    explorer = Explorer(image, explain_image(image), read_content(image))

    async def run() -> None:
        async with explorer.run_test() as pilot:
            await pilot.pause()
            await empty(explorer, pilot)
            await pilot.press("w", "a", "b", "e", "p")

    asyncio.run(run())


def test_refusals(tmp_path: Path) -> None:
    smidgen = Smidgen(store=tmp_path / "store", cwd=tmp_path)
    assert "no terminal to draw on" in smidgen("explore", "app", fails=True).stderr


def test_on_a_terminal(tmp_path: Path) -> None:
    """The command itself, on a pseudo terminal: the screen is drawn, and q ends it."""
    store = ContentStore.open(tmp_path / "store")
    store.tag(Reference.parse("app:1"), put_image(store, *_LAYERS))
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "smidgen", "explore", "--store", str(store.root), "app:1"]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        drawn = b""
        try:
            while b"efficiency" not in drawn:
                assert select.select([ours], [], [], 60)[0], drawn
                drawn += os.read(ours, 65536)
            os.write(ours, b"q")
            # Whoever is not read from cannot end.
            with suppress(OSError):
                while os.read(ours, 65536):
                    pass
            assert process.wait(60) == 0
        finally:
            process.kill()
            os.close(ours)
