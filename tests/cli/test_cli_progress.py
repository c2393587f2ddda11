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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

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
        return _lines(self.screen)


@pytest.fixture
def slow(nobody: None) -> Iterator[Served]:
    """A registry that stops in the middle of each layer, until there was something to see."""
    with served(Habits(holds=_SIZE // 8)) as serving:
        yield serving


@pytest.fixture
def store(smidgen: Smidgen) -> ContentStore:
    content = ContentStore.open(smidgen.store)
    layers = [[Entry.file(f"large-{at}", bytes([at]) * (_SIZE // 2))] for at in range(2)]
    content.tag(Reference.parse("large"), put_image(content, *layers, compression="none"))
    return content


def _lines(screen: str) -> list[str]:
    return [line.strip() for line in re.split(r"[\r\n]+", _ESCAPE.sub("", screen)) if line.strip()]


def watched(
    smidgen: Smidgen,
    *arguments: str,
    width: int,
    seen: Callable[[list[str]], object] = lambda _lines: False,
    slow: Served,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Shown:
    """Run a command whose standard error is a terminal; the registry goes on when what is on it has been seen."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 20, width, 0, 0))
    written: list[bytes] = []

    def read() -> None:
        # The terminal is gone when the last process has closed it.
        try:
            while data := os.read(leader, 65536):
                written.append(data)
                if seen(_lines(b"".join(written).decode(errors="replace"))):
                    slow.registry.habits.goes_on.set()
        except OSError:
            pass

    reading = threading.Thread(target=read)
    reading.start()
    kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "smidgen", *arguments],
            env=kept | {"SMIDGEN_STORE": str(smidgen.store), "TERM": "xterm-256color"} | dict(environ),
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

    def seen(lines: list[str]) -> bool:
        whole = any(f"pushing {name}" in line and "/12" in line for line in lines)
        return whole and any(re.search(r"━ blob [0-9a-f]{12} +\S+/6(\.0\d)?MB", line) for line in lines)

    shown = watched(smidgen, "push", "large", name, width=110, seen=seen, slow=slow)
    # Results go to standard output, whatever moves on the terminal.
    assert shown.stdout.startswith(f"{name}@sha256:")
    assert "\x1b" not in shown.stdout
    assert seen(shown.lines), shown.lines
    assert all(len(line) <= 110 for line in shown.lines)
    # What stays is the summary; the cursor is shown again.
    assert shown.lines[-1].endswith(" s")
    assert shown.screen.rindex("\x1b[?25h") > shown.screen.rindex("\x1b[?25l")


def _moves(lines: list[str]) -> bool:
    return any("…" in line or "pushing" in line for line in lines)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("width", [30, 60, 75])
def test_narrow_terminals(smidgen: Smidgen, slow: Served, width: int) -> None:
    shown = watched(smidgen, "push", "large", slow.name("team/large:1"), width=width, seen=_moves, slow=slow)
    assert _moves(shown.lines), shown.lines
    assert all(len(line) <= width for line in shown.lines[:-1])


@pytest.mark.usefixtures("store")
def test_without_colours_the_lines_move_all_the_same(smidgen: Smidgen, slow: Served) -> None:
    name = slow.name("team/large:1")
    shown = watched(smidgen, "push", "large", name, width=100, seen=_moves, slow=slow, environ={"NO_COLOR": "1"})
    assert any("pushing" in line for line in shown.lines)
    assert not re.search(r"\x1b\[[0-9;]*[34][0-9]", shown.screen)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("options", "environ"),
    [(("-q",), {}), (("-v",), {}), ((), {"TERM": "dumb"})],
    ids=["quiet", "verbose", "dumb"],
)
def test_where_nothing_moves(smidgen: Smidgen, slow: Served, options: tuple[str, ...], environ: dict[str, str]) -> None:
    # Long enough for something to be seen, if there were anything.
    timer = threading.Timer(1.5, slow.registry.habits.goes_on.set)
    timer.start()
    name = slow.name("team/large:1")
    shown = watched(smidgen, "push", *options, "large", name, width=100, slow=slow, environ=environ)
    timer.join()
    assert "\x1b[?25l" not in shown.screen
    assert "━" not in shown.screen
    assert (shown.screen == "") == ("-q" in options)
