"""The moving lines of a terminal: one for the whole, and one for each large blob that is under way."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID
from rich.table import Column
from rich.text import Text

from smidgen.oci.digest import Digest, encoded
from smidgen.registry.progress import Outcome
from smidgen.report.text import human_size

#: Smaller ones come and go faster than anybody reads.
_LARGE: Final = 1_000_000
_MAX_LINES: Final = 6
#: Terminals narrower than this have no room for bar, amount and speed.
_NARROW: Final = 70
# Columns of text: ``0:00:01``, ``99.9MB/99.9MB``, ``99.9MB/s``.
_ELAPSED: Final = 7
_AMOUNT: Final = 13
_SPEED: Final = 9
_BAR: Final = 20


@dataclass(slots=True)
class _Blob:
    total: int
    done: int = 0
    task: TaskID | None = None


class Bars:
    """Lines that move until ``stop``, and then leave nothing behind."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        bar = _BAR if console.width >= _NARROW else 0
        speed = _SPEED if console.width >= _NARROW else 0
        room = console.width - sum(width + 1 for width in (1, _ELAPSED, bar, _AMOUNT, speed) if width) - 1
        description = _Description(max(room, 8), alone=max(room + _AMOUNT + speed, 8))
        columns: list[ProgressColumn] = [SpinnerColumn(), _Elapsed(), description, _Amount()]
        if bar:
            columns.insert(2, BarColumn(bar_width=bar, table_column=Column(width=bar)))
        if speed:
            columns.append(_Speed())
        # Results go to standard output, whoever watches standard error.
        self._progress = Progress(*columns, console=console, transient=True, redirect_stdout=False)
        self._lock = threading.Lock()
        self._blobs: dict[Digest, _Blob] = {}
        self._total = self._done = 0
        self._whole = self._progress.add_task("", total=None)
        self._progress.start()

    def stop(self) -> None:
        """Take the lines off the screen."""
        self._progress.stop()

    def say(self, text: str) -> None:
        """Say what the whole is about."""
        self._progress.update(self._whole, description=text)

    def above(self, write: Callable[[], object]) -> None:
        """Let *write* write lines that stay, above the moving ones."""
        # Rich moves what is written to standard error above its lines.
        write()

    def started(self, digest: Digest, what: str, total: int | None) -> None:
        """Add a blob."""
        with self._lock:
            blob = self._blobs.setdefault(digest, _Blob(0))
            blob.total += total or 0
            self._total += total or 0
            shown = sum(one.task is not None for one in self._blobs.values())
            if blob.task is None and blob.total >= _LARGE and shown < _MAX_LINES:
                blob.task = self._progress.add_task(f"{what} {encoded(digest)[:12]}", total=blob.total, part=True)
            self._update()

    def advanced(self, digest: Digest, count: int) -> None:
        """Move a blob on."""
        with self._lock:
            if (blob := self._blobs.get(digest)) is None:
                return
            blob.done += count
            self._done += count
            if blob.task is not None:
                self._progress.update(blob.task, completed=blob.done)
            self._update()

    def finished(self, digest: Digest, outcome: Outcome) -> None:
        """Take a blob off; what did not have to travel is no part of the whole."""
        with self._lock:
            if (blob := self._blobs.pop(digest, None)) is None:
                return
            travelled = blob.total if outcome in {"fetched", "pushed"} else 0
            self._total += travelled - blob.total
            self._done += travelled - blob.done
            if blob.task is not None:
                self._progress.remove_task(blob.task)
            self._update()

    def _update(self) -> None:
        self._progress.update(self._whole, completed=self._done, total=self._total or None)


class _Elapsed(ProgressColumn):
    """How long the whole has taken."""

    def __init__(self) -> None:
        super().__init__(table_column=Column(width=_ELAPSED, no_wrap=True))

    def render(self, task: Task) -> Text:
        if task.fields.get("part"):
            return Text("")
        seconds = int(task.elapsed or 0)
        return Text(f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}", style="progress.elapsed")


class _Description(ProgressColumn):
    """What a line is about, shortened to the room that there is."""

    def __init__(self, room: int, *, alone: int) -> None:
        super().__init__(table_column=Column(no_wrap=True))
        self._room = room
        self._alone = alone

    def render(self, task: Task) -> Text:
        text = Text(task.description, no_wrap=True)
        text.truncate(self._alone if task.total is None else self._room, overflow="ellipsis")
        return text


class _Amount(ProgressColumn):
    """``12MB/50MB``, where bytes are counted."""

    def __init__(self) -> None:
        super().__init__(table_column=Column(no_wrap=True, justify="right"))

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text("")
        return Text(f"{human_size(int(task.completed))}/{human_size(int(task.total))}", style="progress.download")


class _Speed(ProgressColumn):
    """Bytes a second, where they are known."""

    def __init__(self) -> None:
        super().__init__(table_column=Column(no_wrap=True, justify="right"))

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{human_size(int(speed))}/s" if speed else "", style="progress.data.speed")
