"""The moving lines of a transfer, on a terminal of a certain width."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.registry import Habits
from support.served import Served, served
from support.small_images import put_image

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_SIZE = 12_000_000


@dataclass(frozen=True)
class Shown:
    """What a command wrote: to a pipe, and to a terminal."""

    stdout: str
    screen: str

    @property
    def lines(self) -> list[str]:
        """Every line that was on the screen at some time, without what steers the terminal."""
        return [line.strip() for line in re.split(r"[\r\n]+", _ESCAPE.sub("", self.screen)) if line.strip()]


@pytest.fixture
def slow(nobody: None) -> Iterator[Served]:
    """A registry that takes a second for the image, so that there is something to see."""
    with served(Habits(reading=0.005)) as serving:
        yield serving


@pytest.fixture
def store(smidgen: Smidgen) -> ContentStore:
    content = ContentStore.open(smidgen.store)
    layers = [[Entry.file(f"large-{at}", bytes([at]) * (_SIZE // 2))] for at in range(2)]
    content.tag(Reference.parse("large"), put_image(content, *layers, compression="none"))
    return content


def watched(smidgen: Smidgen, *arguments: str, width: int, **environ: str) -> Shown:
    """Run a command whose standard error is a terminal."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 20, width, 0, 0))
    written: list[bytes] = []

    def read() -> None:
        # The terminal is gone when the last process has closed it.
        try:
            while data := os.read(leader, 65536):
                written.append(data)
        except OSError:
            pass

    reading = threading.Thread(target=read)
    reading.start()
    kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "smidgen", *arguments],
            env=kept | {"SMIDGEN_STORE": str(smidgen.store), "TERM": "xterm-256color"} | environ,
            cwd=smidgen.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=follower,
            text=True,
            check=True,
        )
    finally:
        os.close(follower)
        reading.join()
        os.close(leader)
    return Shown(ended.stdout, b"".join(written).decode())


@pytest.mark.usefixtures("store")
def test_a_line_for_the_whole_and_one_for_each_large_blob(smidgen: Smidgen, slow: Served) -> None:
    name = slow.name("team/large:1")
    shown = watched(smidgen, "push", "large", name, width=110)
    # Results go to standard output, whatever moves on the terminal.
    assert shown.stdout.startswith(f"{name}@sha256:")
    assert "\x1b" not in shown.stdout
    assert any(f"pushing {name}" in line and "/12" in line for line in shown.lines)
    assert any(
        re.search(r"━ blob [0-9a-f]{12} +\S+/6.0\dMB|━ blob [0-9a-f]{12} +\S+/6MB", line) for line in shown.lines
    )
    assert all(len(line) <= 110 for line in shown.lines)
    # What stays is the summary; the cursor is shown again.
    assert shown.lines[-1].endswith(" s")
    assert shown.screen.rindex("\x1b[?25h") > shown.screen.rindex("\x1b[?25l")


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("width", [30, 60, 75])
def test_narrow_terminals(smidgen: Smidgen, slow: Served, width: int) -> None:
    shown = watched(smidgen, "push", "large", slow.name("team/large:1"), width=width)
    assert any("…" in line or "pushing" in line for line in shown.lines)
    assert all(len(line) <= width for line in shown.lines[:-1])


@pytest.mark.usefixtures("store")
def test_without_colours_the_lines_move_all_the_same(smidgen: Smidgen, slow: Served) -> None:
    shown = watched(smidgen, "push", "large", slow.name("team/large:1"), width=100, NO_COLOR="1")
    assert any("pushing" in line for line in shown.lines)
    assert not re.search(r"\x1b\[[0-9;]*[34][0-9]", shown.screen)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("options", "environ"),
    [(("-q",), {}), (("-v",), {}), ((), {"TERM": "dumb"})],
    ids=["quiet", "verbose", "dumb"],
)
def test_where_nothing_moves(smidgen: Smidgen, slow: Served, options: tuple[str, ...], environ: dict[str, str]) -> None:
    shown = watched(smidgen, "push", *options, "large", slow.name("team/large:1"), width=100, **environ)
    assert "\x1b[?25l" not in shown.screen
    assert "━" not in shown.screen
    assert (shown.screen == "") == ("-q" in options)
