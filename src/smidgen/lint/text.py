"""The text of a Dockerfile, and where in it the parts of instructions stand."""

from bisect import bisect_right
from dataclasses import dataclass, field

from smidgen.dockerfile.location import Location

_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class DockerfileText:
    """The text of a file.

    Attributes:
        text: All of it; what was no UTF-8 is held as surrogates, so that it can be written as it was.
        name: As the user named the file.
    """

    text: str
    name: str
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)
    # Many findings may be of one long line: they share it.
    _lines: dict[int, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = [len(_MARK) if self.text.startswith(_MARK) else 0]
        position = self.text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        object.__setattr__(self, "_starts", tuple(starts))

    @property
    def count(self) -> int:
        """How many lines there are; what follows the last newline counts as one."""
        return len(self._starts)

    def start(self, line: int) -> int:
        """Give where *line*, 1-based, begins; the end of the text for what is behind the last."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self.text)

    def line(self, number: int) -> str:
        """Give a line, without its end."""
        found = self._lines.get(number)
        if found is None:
            found = self.text[self.start(number) : self.start(number + 1)].rstrip("\r\n")
            self._lines[number] = found
        return found

    def ending(self, line: int) -> str:
        """Give how lines end around *line*."""
        return "\r\n" if self.text[self.start(line) : self.start(line + 1)].endswith("\r\n") else "\n"

    def position(self, offset: int) -> tuple[int, int]:
        """Give line and column, 1-based, of an offset into the text."""
        line = max(1, bisect_right(self._starts, offset))
        return line, offset - self.start(line) + 1

    def offset(self, location: Location, at: int) -> int:
        """Give where in the text the offset *at* of a location's ``code`` stands."""
        segments = location.segments
        if not segments:
            return self.start(location.line) + at
        segment = segments[max(0, bisect_right(segments, at, key=lambda each: each.offset) - 1)]
        return self.start(segment.line) + segment.column - 1 + at - segment.offset
