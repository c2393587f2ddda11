"""Lines of a Dockerfile: comments dropped, continuations joined, documents taken.

Source: BuildKit's ``frontend/dockerfile/parser``: an escape character at the end of a line (white space may follow)
continues it, unless another one stands before it; comments between continued lines are dropped and empty lines too.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from smidgen.dockerfile.directives import read_directives
from smidgen.dockerfile.instruction import Heredoc
from smidgen.dockerfile.location import Location, Segment, fault_at
from smidgen.errors import DockerfileError, LimitExceeded

MAX_SIZE: Final = 4 * 1024 * 1024
# What cannot be an argument of a program, and what was no UTF-8 (it is held as surrogates).
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """An instruction as it is written.

    Attributes:
        location: Where it stands; its ``code`` is the text.
        blank: The first empty line between its continued lines, 1-based, or None.
    """

    location: Location
    blank: int | None = None


class Lexer:
    """The logical lines of one Dockerfile, one after the other.

    Attributes:
        file: Its name.
        directives: What its first lines say.
    """

    def __init__(self, text: str, *, file: str) -> None:
        """Split *text* into lines.

        Raises:
            DockerfileError: A directive is wrong.
            LimitExceeded: More than ``MAX_SIZE`` characters.
        """
        if len(text) > MAX_SIZE:
            raise LimitExceeded(f"size of {file} in characters", limit=MAX_SIZE, got=len(text))
        self._lines = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").split("\n")
        self._next = 0
        self.file = file
        self.directives = read_directives([line.rstrip("\r") for line in self._lines[:8]], file=file)
        escape = re.escape(self.directives.escape)
        self._continues = re.compile(f"(?:^|(?<=[^{escape}])){escape}[ \\t]*$")

    def next(self) -> LogicalLine | None:
        """Give the next logical line, or None at the end of the file.

        Raises:
            DockerfileError: It has a NUL, or bytes that are no UTF-8.
        """
        while self._next < len(self._lines):
            text = self._take()
            stripped = text.lstrip()
            if stripped and not stripped.startswith("#"):
                return self._join(text, stripped)
        return None

    def document(self, heredoc: Heredoc, location: Location) -> tuple[Heredoc, Location]:
        """Take the lines of *heredoc*, which the instruction at *location* began.

        Raises:
            DockerfileError: The file ends before the document does.
        """
        content: list[str] = []
        while self._next < len(self._lines):
            line = self._lines[self._next]
            # What split() gives after the last newline is not a line.
            if not line and self._next == len(self._lines) - 1:
                break
            self._next += 1
            end = line.rstrip("\r\n")
            if (end.lstrip("\t") if heredoc.strips_tabs else end) == heredoc.name:
                self._check("".join(content), location.line)
                return replace(heredoc, content="".join(content)), replace(location, last_line=self._next)
            content.append(line if self._next == len(self._lines) else line + "\n")
        raise location.fault(
            f"the document {heredoc.name!r} does not end before the file does",
            at="<<",
            hint=f"write {heredoc.name} alone on a line after its text",
        )

    def _take(self) -> str:
        text = self._lines[self._next].rstrip("\r")
        self._next += 1
        return text

    def _join(self, text: str, stripped: str) -> LogicalLine:
        first = self._next
        part, continued = self._cut(stripped)
        parts = [part]
        segments = [Segment(0, first, 1 + len(text) - len(stripped), text)]
        offset, blank = len(part), None
        while continued and self._next < len(self._lines):
            text = self._take()
            begin = text.lstrip()
            if begin.startswith("#"):
                continue
            if not begin:
                # The end of the file after a last newline is no empty line.
                blank = blank or (self._next if self._next < len(self._lines) else None)
                continue
            part, continued = self._cut(text)
            parts.append(part)
            segments.append(Segment(offset, self._next, 1, text))
            offset += len(part)
        location = Location(self.file, first, self._next, "".join(parts), tuple(segments))
        if fault := _FORBIDDEN.search(location.code):
            raise _forbidden(location, fault.start())
        return LogicalLine(location, blank)

    def _cut(self, text: str) -> tuple[str, bool]:
        match = self._continues.search(text)
        return (text[: match.start()], True) if match else (text, False)

    def _check(self, content: str, line: int) -> None:
        if fault := _FORBIDDEN.search(content):
            before = content[: fault.start()]
            text = content[before.rfind("\n") + 1 :].partition("\n")[0]
            column = fault.start() - before.rfind("\n")
            number = line + 1 + before.count("\n")
            raise fault_at(
                _FORBIDDEN_MESSAGE, file=self.file, line=number, column=column, text=text, hint=_FORBIDDEN_HINT
            )


_FORBIDDEN_MESSAGE: Final = "a NUL or a byte that is no UTF-8"
_FORBIDDEN_HINT: Final = "save the file as UTF-8"


def _forbidden(location: Location, offset: int) -> DockerfileError:
    return location.fault(_FORBIDDEN_MESSAGE, at=offset, hint=_FORBIDDEN_HINT)
