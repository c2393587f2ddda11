"""The one place that writes to the terminal.

Standard output carries results and nothing else, so that ``docker run $(smidgen build .)`` works;
everything for people goes to standard error.
"""

import os
import sys
from typing import Any, TextIO

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def coloured(text: str, *styles: str) -> str:
    """Colour *text*, whoever reads it."""
    codes = ";".join(_STYLES[style] for style in styles)
    return f"\x1b[{codes}m{text}\x1b[0m"


def uncoloured(text: str, *_styles: str) -> str:
    """Leave *text* as it is; to be given where ``coloured`` could be."""
    return text


class Console:
    """Standard output and error, with colours where they are wanted.

    Attributes:
        verbosity: -1 quiet, 0 normal, 1 verbose, 2 with tracebacks.
        arguments: The command line, without the program's name.
    """

    def __init__(self) -> None:
        self.verbosity = 0
        self.arguments: tuple[str, ...] = ()

    def result(self, text: str) -> None:
        """Write a line of the result to standard output."""
        sys.stdout.write(text + "\n")

    def json(self, value: Any) -> None:  # noqa: ANN401
        """Write *value* (Structs, dataclasses, plain values) to standard output as indented JSON."""
        import msgspec

        sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")

    def note(self, text: str) -> None:
        """Tell people something; silent with ``-q``."""
        if self.verbosity >= 0:
            sys.stderr.write(text + "\n")

    def detail(self, text: str) -> None:
        """Tell people something that is worth reading with ``-v`` only."""
        if self.verbosity >= 1:
            sys.stderr.write(self.style(text, "dim") + "\n")

    def warning(self, text: str) -> None:
        """Tell people something that may hurt them; said even with ``-q``."""
        sys.stderr.write(f"{self.style('warning:', 'yellow', 'bold')} {text}\n")

    def error(self, message: str, hint: str | None) -> None:
        """Say what went wrong and what to do."""
        sys.stderr.write(f"{self.style('error:', 'red', 'bold')} {message}\n")
        if hint:
            sys.stderr.write(f"{self.style('hint:', 'cyan', 'bold')} {hint}\n")

    def style(self, text: str, *styles: str, stream: TextIO | None = None) -> str:
        """Colour *text* if *stream* (standard error by default) takes colours."""
        return coloured(text, *styles) if self.colours(stream or sys.stderr) else text

    def colours(self, stream: TextIO) -> bool:
        """Tell whether *stream* takes colours: NO_COLOR and FORCE_COLOR act when they are not empty."""
        if os.environ.get("NO_COLOR"):
            return False
        if os.environ.get("FORCE_COLOR"):
            return True
        return stream.isatty() and os.environ.get("TERM") != "dumb"


console = Console()
