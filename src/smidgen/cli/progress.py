"""What is going on, while it goes on: a few moving lines on a terminal, plain lines elsewhere."""

import os
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from smidgen.cli.console import console

if TYPE_CHECKING:
    from smidgen.cli.progress_bars import Bars
    from smidgen.oci.digest import Digest
    from smidgen.registry.progress import Outcome

_WORDS: Final = {"fetched": "fetched", "pushed": "pushed", "mounted": "mounted", "there": "there already:"}


class Progress:
    """A context in which ``say`` tells people what is being done; what stays on the screen is the summary.

    It is also what transfers tell of blobs, by several threads at once (``smidgen.registry.progress``).
    """

    def __init__(self) -> None:
        self._bars: Bars | None = None
        self._lock = threading.Lock()
        self._totals: dict[Digest, tuple[str, int | None]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def say(self, text: str) -> None:
        """Tell *text*; with ``-q`` nothing, off a terminal a line with ``-v`` only."""
        if (bars := self._shown()) is not None:
            bars.say(text)
        else:
            console.detail(text)

    def warn(self, text: str) -> None:
        """Warn without breaking the moving lines."""
        with self._lock:
            if self._bars is not None:
                self._bars.above(lambda: console.warning(text))
                return
        console.warning(text)

    def started(self, digest: "Digest", what: str, total: int | None) -> None:
        """Tell that work on a blob or a document begins."""
        with self._lock:
            self._totals[digest] = (what, total)
        if (bars := self._shown()) is not None:
            bars.started(digest, what, total)

    def advanced(self, digest: "Digest", count: int) -> None:
        """Tell that *count* more of its bytes are done."""
        if self._bars is not None:
            self._bars.advanced(digest, count)

    def finished(self, digest: "Digest", outcome: "Outcome") -> None:
        """Tell that it is where it is wanted."""
        if self._bars is not None:
            self._bars.finished(digest, outcome)
            return
        if console.verbosity > 0:
            from smidgen.report.text import human_size

            with self._lock:
                what, total = self._totals.pop(digest, ("blob", None))
                size = "" if total is None else f" ({human_size(total)})"
                console.detail(f"{_WORDS[outcome]} {what} {digest}{size}")

    def _shown(self) -> "Bars | None":
        """Give the moving lines; None where nobody watches, or where plain lines were asked for."""
        if console.verbosity != 0 or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            return None
        with self._lock:
            if self._bars is None:
                from smidgen.cli.progress_bars import Bars  # only where somebody watches

                self._bars = Bars()
            return self._bars
