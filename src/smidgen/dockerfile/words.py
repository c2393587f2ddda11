"""Words of an instruction: split at white space, with quotes kept, or as a JSON list.

Source: BuildKit's ``parser/line_parsers.go`` for where a word ends. Quotes are taken away by expansion, later.
"""

import re
from dataclasses import dataclass
from typing import Final

import msgspec

from smidgen.errors import UsageError

_BLANKS: Final = re.compile(r"[\t\v\f\r ]+")


@dataclass(frozen=True, slots=True)
class Word:
    """A part of an instruction, and where it begins in the logical line."""

    text: str
    offset: int


def split_blanks(text: str, offset: int) -> list[Word]:
    """Split *text*, which begins at *offset* of its logical line, at white space; quotes mean nothing."""
    words: list[Word] = []
    position = 0
    for match in _BLANKS.finditer(text):
        if match.start() > position:
            words.append(Word(text[position : match.start()], offset + position))
        position = match.end()
    if position < len(text):
        words.append(Word(text[position:], offset + position))
    return words


def split_quoted(text: str, offset: int, *, escape: str) -> list[Word]:
    """Split *text* at white space outside quotes; quotes and escapes stay in the words.

    Escape characters keep the next character in its word, except within single quotes. A quote that does not end
    takes the rest: expansion refuses it.
    """
    words: list[Word] = []
    letters: list[str] = []
    begin, quote, position = -1, "", 0
    while position < len(text):
        letter = text[position]
        if begin < 0:
            if letter.isspace():
                position += 1
                continue
            begin = position
        if not quote and letter.isspace():
            words.append(Word("".join(letters), offset + begin))
            letters, begin = [], -1
            position += 1
            continue
        if letter == escape and quote != "'":
            if position + 1 == len(text):
                break
            letters.append(text[position : position + 2])
            position += 2
            continue
        if letter == quote:
            quote = ""
        elif not quote and letter in "'\"":
            quote = letter
        letters.append(letter)
        position += 1
    if letters:
        words.append(Word("".join(letters), offset + begin))
    return words


def split_first(text: str) -> tuple[str, int]:
    """Give what stands before the first white space of *text*, and where what follows it begins."""
    match = _BLANKS.search(text)
    return (text[: match.start()], match.end()) if match else (text, len(text))


def parse_json_list(text: str) -> tuple[str, ...] | None:
    """Parse ``["a", "b"]``; None where *text* is no JSON list, so that it is meant for a shell.

    Raises:
        UsageError: It is a JSON list, but not of strings.
    """
    text = text.strip()
    if not text.startswith("["):
        return None
    try:
        values = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    if not all(isinstance(value, str) for value in values):
        raise UsageError("a list has something else than strings", hint='put every element in quotes: ["a", "1"]')
    return tuple(values)
