"""Expansion of variables, and taking away of quotes.

Source: BuildKit's ``frontend/dockerfile/shell``, which follows POSIX Shell 2.6.2 with ``/`` and ``//`` from bash.

===================  ===========================================================================================
``$x`` ``${x}``      the value; nothing where *x* is not set
``${x-word}``        *word* where *x* is not set; with ``:-`` also where it is empty
``${x+word}``        *word* where *x* is set, else nothing; with ``:+`` not where it is empty
``${x?word}``        an error with *word* where *x* is not set; with ``:?`` also where it is empty
``${x#p}`` ``##``    without the shortest or longest beginning that the pattern *p* matches
``${x%p}`` ``%%``    without the shortest or longest end
``${x/p/word}``      with the first match replaced; ``//`` every one
===================  ===========================================================================================
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from smidgen.dockerfile.wildcards import remove_prefix, remove_suffix, replace_matches
from smidgen.errors import UsageError

MAX_RESULT: Final = 1024 * 1024
_MOST_NESTED: Final = 50
_SPECIAL: Final = "@*#?-$!0"
_OPERATORS: Final = "+-?#%"
_SPACE: Final = re.compile(r"\s")
# What neither begins nor ends anything, whatever the escape character is.
_PLAIN: Final = re.compile(r"[^$'\"\\`<}/]+")


@dataclass(frozen=True, slots=True)
class Expansion:
    """What became of a text.

    Attributes:
        text: The whole, without quotes.
        words: The same split at white space that was not quoted; also white space out of variables splits.
        used: Variables that were set.
        unset: Variables that were not.
        missing: Those of them where nothing is written to take instead.
    """

    text: str
    words: tuple[str, ...]
    used: frozenset[str]
    unset: frozenset[str]
    missing: frozenset[str]


def expand(
    text: str,
    variables: Mapping[str, str],
    *,
    escape: str = "\\",
    quotes: bool = True,
    keep_quotes: bool = False,
    keep_escapes: bool = False,
    keep_unset: bool = False,
) -> Expansion:
    r"""Expand the variables of *text*.

    Args:
        text: As it stands in the Dockerfile.
        variables: Those that are set.
        escape: The escape character, ``\`` or a backtick.
        quotes: Quotes have a meaning; without, they are characters as others, as in documents.
        keep_quotes: Quotes stay in the result.
        keep_escapes: Escape characters stay in the result.
        keep_unset: Variables that are not set stay as they are written.

    Raises:
        UsageError: A quote or a brace does not end, an operator is unknown, ``?`` found nothing, or the result is
            longer than ``MAX_RESULT``.
    """
    expander = _Expander(text, variables, escape, quotes, keep_quotes, keep_unset, keep_escapes)
    result, words = expander.run("")
    return Expansion(
        result, tuple(words), frozenset(expander.used), frozenset(expander.unset), frozenset(expander.missed)
    )


class _Words:
    """Collects a text and, beside it, its words."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.words: list[str] = []
        self._word: list[str] = []

    def raw(self, text: str) -> None:
        """Add what was quoted or escaped: white space in it does not split."""
        self.parts.append(text)
        self._word.append(text)

    def splitting(self, text: str) -> None:
        """Add what splits at its white space."""
        self.parts.append(text)
        first, *others = _SPACE.split(text)
        self._word.append(first)
        for piece in others:
            self._end()
            self._word.append(piece)

    def finished(self) -> tuple[str, list[str]]:
        """Give the text and the words."""
        self._end()
        return "".join(self.parts), self.words

    def _end(self) -> None:
        # A quoted empty text is no word.
        if word := "".join(self._word):
            self.words.append(word)
        self._word = []


@dataclass(slots=True)
class _Expander:
    text: str
    variables: Mapping[str, str]
    escape: str
    quotes: bool
    keep_quotes: bool
    keep_unset: bool
    keep_escapes: bool
    position: int = 0
    depth: int = 0
    size: int = 0
    used: set[str] = field(default_factory=set)
    unset: set[str] = field(default_factory=set)
    missed: set[str] = field(default_factory=set)

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def take(self) -> str:
        letter = self.peek()
        self.position += 1
        return letter

    def run(self, stop: str) -> tuple[str, list[str]]:
        """Expand up to the character *stop*, which is taken too, or up to the end where it is empty."""
        out = _Words()
        while letter := self.peek():
            if plain := _PLAIN.match(self.text, self.position):
                self.position = plain.end()
                out.splitting(plain[0])
            elif letter == stop:
                self.position += 1
                return out.finished()
            elif letter == "$":
                out.splitting(self.bounded(self.dollar()))
            elif self.quotes and letter == "'":
                out.raw(self.single_quoted())
            elif self.quotes and letter == '"':
                out.raw(self.bounded(self.double_quoted()))
            elif self.text.startswith("<<", self.position):
                out.raw(self.redirection())
            elif letter == self.escape:
                self.position += 1
                out.raw((letter if self.keep_escapes else "") + self.take())
            else:
                self.position += 1
                out.splitting(letter)
        if stop:
            raise self.endless(stop)
        return out.finished()

    def redirection(self) -> str:
        """Take ``<<`` or ``<<-`` and the white space behind it: with the name of its document it is one word."""
        begin = self.position
        self.position += 3 if self.text.startswith("<<-", begin) else 2
        while self.peek() in {" ", "\t"}:
            self.position += 1
        return self.text[begin : self.position]

    def bounded(self, text: str) -> str:
        self.size += len(text)
        if self.size > MAX_RESULT:
            raise UsageError(
                f"the expansion has more than {MAX_RESULT} characters", hint="a variable was multiplied: simplify it"
            )
        return text

    def endless(self, stop: str) -> UsageError:
        return UsageError(
            f"{self.text!r} ends before its {stop}", hint=f"write the {stop}, or an escape character before the $"
        )

    def single_quoted(self) -> str:
        end = self.text.find("'", self.position + 1)
        if end < 0:
            raise UsageError(f"{self.text!r} has a single quote that does not end", hint="write another ' at its end")
        begin, self.position = self.position, end + 1
        return self.text[begin : end + 1] if self.keep_quotes else self.text[begin + 1 : end]

    def double_quoted(self) -> str:
        quote = self.take()
        parts = [quote] if self.keep_quotes else []
        while letter := self.peek():
            if letter == "$":
                parts.append(self.dollar())
                continue
            self.position += 1
            if letter == '"':
                return "".join([*parts, quote] if self.keep_quotes else parts)
            if letter == self.escape:
                if self.keep_escapes:
                    parts.append(letter)
                if not self.peek():
                    break
                # Within double quotes, other characters keep the escape character that stands before them.
                if self.peek() in {'"', "$", self.escape}:
                    letter = self.take()
            parts.append(letter)
        raise UsageError(f"{self.text!r} has a double quote that does not end", hint='write another " at its end')

    def dollar(self) -> str:
        self.position += 1
        if self.peek() != "{":
            name = self.name()
            if not name:
                return "$"
            return self.value(name, unset=f"${name}")
        self.position += 1
        if self.peek() in {"{", "}", ":"}:
            raise self.bad()
        self.depth += 1
        if self.depth > _MOST_NESTED:
            raise UsageError(f"more than {_MOST_NESTED} expansions inside each other", hint="use several variables")
        result = self.braced(self.name())
        self.depth -= 1
        return result

    def bad(self) -> UsageError:
        return UsageError(
            f"{self.text!r} has a bad substitution",
            hint="expected $NAME, ${NAME} or one of ${NAME:-word} :+ :? # ## % %% / //; \\$ for a dollar sign",
        )

    def braced(self, name: str) -> str:
        operator = self.take()
        if operator == "}":
            return self.value(name, unset=f"${{{name}}}")
        if operator == "":
            raise self.endless("}")
        empty_is_unset = operator == ":"
        written = operator
        if empty_is_unset:
            operator = self.take()
            written += operator
        if operator and operator in _OPERATORS:
            return self.operated(name, operator, written, empty_is_unset=empty_is_unset)
        if operator == "/" and not empty_is_unset:
            return self.replaced(name)
        raise self.bad()

    def value(self, name: str, *, unset: str) -> str:
        value = self.look(name)
        if value is None:
            return unset if self.keep_unset else ""
        return value

    def look(self, name: str, *, has_other: bool = False) -> str | None:
        value = self.variables.get(name)
        (self.unset if value is None else self.used).add(name)
        if value is None and not has_other:
            self.missed.add(name)
        return value

    def argument(self, stop: str, *, keep_escapes: bool) -> str:
        kept, self.keep_escapes = self.keep_escapes, keep_escapes
        word, _ = self.run(stop)
        self.keep_escapes = kept
        return word

    def operated(self, name: str, operator: str, written: str, *, empty_is_unset: bool) -> str:
        word = self.argument("}", keep_escapes=operator in "#%")
        value = self.look(name, has_other=operator in "-+?")
        if value is None and self.keep_unset:
            return f"${{{name}{written}{word}}}"
        is_set = value is not None and not (empty_is_unset and not value)
        match operator:
            case "-":
                return value if is_set and value is not None else word
            case "+":
                return word if is_set else ""
            case "?":
                if not is_set or value is None:
                    why = word or f"is not allowed to be {'unset' if value is None else 'empty'}"
                    raise UsageError(f"{name}: {why}", hint=f"give it with --build-arg {name}=VALUE, ARG or ENV")
                return value
            case _:
                longest = word.startswith(operator)
                trim = remove_prefix if operator == "#" else remove_suffix
                return trim(value or "", word[longest:], longest=longest)

    def replaced(self, name: str) -> str:
        every = self.peek() == "/"
        self.position += every
        pattern = self.argument("/", keep_escapes=True)
        replacement = self.argument("}", keep_escapes=True)
        value = self.look(name)
        if value is None and self.keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        return replace_matches(value or "", pattern, replacement, every=every, limit=MAX_RESULT)

    def name(self) -> str:
        begin = self.position
        first = self.peek()
        if first.isdecimal():
            while self.peek().isdecimal():
                self.position += 1
        elif first and first in _SPECIAL:
            self.position += 1
        else:
            while (letter := self.peek()) and (letter.isalpha() or letter.isdecimal() or letter == "_"):
                self.position += 1
        return self.text[begin : self.position]
