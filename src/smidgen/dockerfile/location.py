"""Where something stands in a Dockerfile, and errors that show it.

An instruction may be continued over several lines. Its text is one *logical line*; the segments say which part of it
came from which line of the file, so that a fault is shown where its author wrote it.
"""

from bisect import bisect_right
from dataclasses import dataclass, field

from smidgen.errors import DockerfileError


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a logical line.

    Attributes:
        offset: Where it begins in the logical line, in characters.
        line: Its line in the file, 1-based.
        column: Its column in that line, 1-based.
        text: That whole line, as it stands in the file.
    """

    offset: int
    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Location:
    """Where an instruction stands.

    Attributes:
        file: Name of the Dockerfile, as the user gave it.
        line: First line, 1-based.
        last_line: Last line, with the documents (heredocs) that belong to it.
        code: The logical line: continuations joined, comments in them dropped, documents left out.
        segments: From which lines *code* came.
    """

    file: str
    line: int
    last_line: int
    code: str
    segments: tuple[Segment, ...] = field(repr=False, compare=False, default=())

    def fault(self, message: str, *, at: str | int = 0, hint: str | None = None) -> DockerfileError:
        """Give the error that shows this instruction.

        Args:
            message: What was got, and what was expected.
            at: A text of *code* under whose first occurrence the caret stands, or an offset into *code*.
            hint: What to do.
        """
        offset = max(0, self.code.find(at)) if isinstance(at, str) else at
        line, column, text = self._place(offset)
        return fault_at(message, file=self.file, line=line, column=column, text=text, hint=hint)

    def _place(self, offset: int) -> tuple[int, int, str]:
        if not self.segments:
            return self.line, offset + 1, self.code
        segment = self.segments[max(0, bisect_right(self.segments, offset, key=lambda each: each.offset) - 1)]
        return segment.line, segment.column + offset - segment.offset, segment.text


def fault_at(message: str, *, file: str, line: int, column: int, text: str, hint: str | None) -> DockerfileError:
    """Give the error that shows *text*, the line *line* of *file*, with a caret under *column* (1-based)."""
    return DockerfileError(
        _printable(message),
        path=file,
        line=line,
        column=min(column, len(text) + 1),
        source_line=_printable(text),
        hint=None if hint is None else _printable(hint),
    )


def _printable(text: str) -> str:
    """Replace what a terminal would obey, one character for one, so that columns stay."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\t\n" else "\N{REPLACEMENT CHARACTER}" for each in text)
