"""Simple commands of a shell script, with where their words stand.

Only what a linter needs: where commands begin and end, and which words they have. What is within ``$(…)`` and backticks
belongs to the word that it stands in. A script that is not understood gives fewer commands, never an error.

Source: POSIX Shell Command Language, 2.2 "Quoting", 2.3 "Token Recognition", 2.10 "Shell Grammar".
"""

import re
from dataclasses import dataclass
from typing import Final

_ASSIGNMENT: Final = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")
_RESERVED: Final = frozenset(
    {"if", "then", "else", "elif", "fi", "do", "done", "while", "until", "{", "}", "!", "esac"}
)
_ENDS: Final = ";&|\n()"
_MOST_NESTED: Final = 40


@dataclass(frozen=True, slots=True)
class ShellWord:
    """A word as it is written.

    Attributes:
        raw: With its quotes.
        start: Where it begins in the script.
    """

    raw: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.raw)

    @property
    def plain(self) -> str:
        """The word without quotes; variables stay as they are written."""
        if not any(letter in self.raw for letter in "'\"\\"):
            return self.raw
        return _unquoted(self.raw)


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """A simple command.

    Attributes:
        assignments: Words ``NAME=VALUE`` before it.
        words: The program and its arguments; may be empty.
    """

    assignments: tuple[ShellWord, ...]
    words: tuple[ShellWord, ...]

    @property
    def name(self) -> str:
        """The program, without its directory."""
        return self.words[0].plain.rpartition("/")[2] if self.words else ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words behind the program, without quotes."""
        return tuple(word.plain for word in self.words[1:])


def parse_script(text: str) -> tuple[ShellCommand, ...]:
    """Give the simple commands of *text*, in order."""
    commands: list[ShellCommand] = []
    words: list[ShellWord] = []
    position = 0
    while position < len(text):
        letter = text[position]
        if letter == "\n" or letter in _ENDS:
            _finish(words, commands)
            position += 1
        elif letter.isspace():
            position += 1
        elif letter == "\\" and text[position + 1 : position + 2] in {"\n", "\r"}:
            position += 2
        elif letter == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        elif letter in "<>":
            position = _past_redirection(text, position)
        else:
            end = _word_end(text, position, 0)
            word = ShellWord(text[position:end], position)
            # The number of a descriptor belongs to the redirection behind it.
            if not (word.raw.isdigit() and text[end : end + 1] in {"<", ">"}):
                words.append(word)
            position = end
    _finish(words, commands)
    return tuple(commands)


def _finish(words: list[ShellWord], commands: list[ShellCommand]) -> None:
    while words and words[0].raw in _RESERVED:
        words.pop(0)
    count = 0
    while count < len(words) and _ASSIGNMENT.match(words[count].raw):
        count += 1
    if words:
        commands.append(ShellCommand(tuple(words[:count]), tuple(words[count:])))
    words.clear()


def _past_redirection(text: str, position: int) -> int:
    while position < len(text) and text[position] in "<>&|-":
        position += 1
    while position < len(text) and text[position] in " \t":
        position += 1
    return _word_end(text, position, 0) if position < len(text) and text[position] not in _ENDS else position


def _word_end(text: str, position: int, depth: int) -> int:
    while position < len(text):
        letter = text[position]
        if letter == "\\":
            position += 2
        elif letter == "'":
            end = text.find("'", position + 1)
            position = len(text) if end < 0 else end + 1
        elif letter == '"':
            position = _past_double(text, position + 1, depth)
        elif letter == "`":
            end = text.find("`", position + 1)
            position = len(text) if end < 0 else end + 1
        elif letter == "$" and text[position + 1 : position + 2] in {"(", "{"}:
            position = _past_bracket(text, position + 2, ")" if text[position + 1] == "(" else "}", depth + 1)
        elif letter.isspace() or letter in _ENDS or letter in "<>":
            break
        else:
            position += 1
    return min(position, len(text))


def _past_double(text: str, position: int, depth: int) -> int:
    while position < len(text):
        letter = text[position]
        if letter == '"':
            return position + 1
        if letter == "\\":
            position += 2
        elif letter == "$" and text[position + 1 : position + 2] == "(":
            position = _past_bracket(text, position + 2, ")", depth + 1)
        else:
            position += 1
    return len(text)


def _past_bracket(text: str, position: int, closing: str, depth: int) -> int:
    if depth > _MOST_NESTED:
        return len(text)
    opening = "(" if closing == ")" else "{"
    level = 1
    while position < len(text):
        letter = text[position]
        if letter == "\\":
            position += 1
        elif letter == "'" and closing == ")":
            end = text.find("'", position + 1)
            position = len(text) if end < 0 else end
        elif letter == '"':
            position = _past_double(text, position + 1, depth) - 1
        elif letter == opening:
            level += 1
        elif letter == closing:
            level -= 1
            if level == 0:
                return position + 1
        position += 1
    return len(text)


def _unquoted(raw: str) -> str:
    letters: list[str] = []
    quote, position = "", 0
    while position < len(raw):
        letter = raw[position]
        if quote == "'":
            if letter == "'":
                quote = ""
            else:
                letters.append(letter)
        elif letter == "\\" and position + 1 < len(raw) and (not quote or raw[position + 1] in '$`"\\\n'):
            position += 1
            if raw[position] != "\n":
                letters.append(raw[position])
        elif letter == '"':
            quote = "" if quote else '"'
        elif letter == "'" and not quote:
            quote = "'"
        else:
            letters.append(letter)
        position += 1
    return "".join(letters)
