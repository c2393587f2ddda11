"""The steps of a Dockerfile as lines: each with the number of its step, as several may go on at once."""

import sys
import threading

from smidgen.cli.console import coloured, console, uncoloured
from smidgen.dockerfile.execute.report import StepName


class StepLines:
    """Tells people of steps on standard error; with ``-q`` of warnings only."""

    def __init__(self) -> None:
        self._numbers: dict[StepName, int] = {}
        self._warnings: list[str] = []
        self._lock = threading.Lock()

    def started(self, step: StepName) -> None:
        """Name a step that is being done."""
        self._say(step, str(step), "bold")

    def wrote(self, step: StepName, text: str) -> None:
        """Pass on a line of a command."""
        self._say(step, text)

    def finished(self, step: StepName, seconds: float) -> None:
        """Tell how long a step took."""
        self._say(step, f"DONE {seconds:.1f}s", "green")

    def cached(self, step: StepName) -> None:
        """Name a step that need not be done."""
        self._say(step, f"CACHED {step}", "dim")

    def note(self, text: str) -> None:
        """Pass on a note."""
        with self._lock:
            console.note(text)

    def warn(self, text: str) -> None:
        """Pass on a warning."""
        with self._lock:
            self._warnings.append(text)
            console.warning(text)

    def again(self) -> tuple[str, str]:
        """Give what is to be said where nothing changed since: all of it is cached; plain and in colours."""
        steps = [] if console.verbosity < 0 else [(f"#{at}", f"CACHED {step}") for step, at in self._numbers.items()]
        texts = []
        for style in (uncoloured, coloured):
            warnings = [f"{style('warning:', 'yellow', 'bold')} {text}\n" for text in self._warnings]
            lines = [f"{style(number, 'cyan')} {style(text, 'dim')}\n" for number, text in steps]
            texts.append("".join([*warnings, *lines]))
        return texts[0], texts[1]

    def _say(self, step: StepName, text: str, *styles: str) -> None:
        if console.verbosity < 0:
            return
        with self._lock:
            number = self._numbers.setdefault(step, len(self._numbers) + 1)
            shown = console.style(text, *styles) if styles else text
            sys.stderr.write(f"{console.style(f'#{number}', 'cyan')} {shown}\n")
