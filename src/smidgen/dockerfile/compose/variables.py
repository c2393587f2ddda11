"""Variables in values of a Compose file: ``$NAME``, ``${NAME:-default}`` and the like.

They are put into values that were read as YAML before, so that what a variable holds cannot become a key.

Source: Compose Specification, "Interpolation".
"""

import re
from collections.abc import Mapping
from typing import Final

from smidgen.errors import LimitExceeded, UsageError

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR: Final = re.compile(r":?[-?+]")
_PLAIN: Final = re.compile(r"[^$}]+")
_MAX_DEPTH: Final = 16
_MAX_LENGTH: Final = 1 << 20


class Variables:
    """Variables with their values.

    Attributes:
        values: By name.
        missed: Names that were asked for and are nowhere, in order; several may share this.
    """

    def __init__(self, values: Mapping[str, str], missed: dict[str, None] | None = None) -> None:
        self.values = values
        self.missed: dict[str, None] = {} if missed is None else missed

    def expand(self, text: str) -> str:
        """Put values into *text*; what they hold is not looked into again.

        Raises:
            UsageError: A brace that is not closed, an operator that is not known, or a variable that must be set.
            LimitExceeded: The result is larger than anybody means.
        """
        return text if "$" not in text else _Expansion(self, text).whole()

    def get(self, name: str, *, is_default_there: bool = False) -> str | None:
        """Give a value, and remember that there is none where nothing else is given either."""
        value = self.values.get(name)
        if value is None and not is_default_there:
            self.missed[name] = None
        return value


class _Expansion:
    def __init__(self, variables: Variables, text: str) -> None:
        self._variables = variables
        self._text = text
        self._at = 0
        self._length = 0

    def whole(self) -> str:
        return self._words(depth=0, is_used=True)

    def _words(self, *, depth: int, is_used: bool) -> str:
        """Expand up to the end, or to the brace that ends the word inside braces."""
        if depth > _MAX_DEPTH:
            raise UsageError(f"${{…}} nested deeper than {_MAX_DEPTH} levels")
        parts: list[str] = []
        while self._at < len(self._text):
            if depth and self._text[self._at] == "}":
                break
            part = self._part(depth, is_used=is_used)
            self._length += len(part) if is_used else 0
            if self._length > _MAX_LENGTH:
                raise LimitExceeded("size of a value with its variables", limit=_MAX_LENGTH)
            parts.append(part)
        return "".join(parts)

    def _part(self, depth: int, *, is_used: bool) -> str:
        if match := _PLAIN.match(self._text, self._at):
            self._at = match.end()
            return match[0]
        begun = self._at
        self._at += 1
        if self._text.startswith("$$", begun):
            self._at += 1
            return "$"
        if self._text.startswith("${", begun):
            self._at += 1
            return self._braced(begun, depth, is_used=is_used)
        if self._text[begun] == "$" and (match := _NAME.match(self._text, self._at)):
            self._at = match.end()
            return (self._variables.get(match[0]) or "") if is_used else ""
        return self._text[begun]

    def _braced(self, begun: int, depth: int, *, is_used: bool) -> str:
        match = _NAME.match(self._text, self._at)
        if match is None:
            raise UsageError(f"{self._text[begun:]!r} names no variable", hint="write $$ for a dollar sign")
        name, self._at = match[0], match.end()
        operator = _OPERATOR.match(self._text, self._at)
        if operator is None:
            self._close(begun)
            return (self._variables.get(name) or "") if is_used else ""
        self._at = operator.end()
        kind = operator[0][-1]
        value = self._variables.get(name, is_default_there=True) if is_used else None
        is_there = value is not None and (value != "" or ":" not in operator[0])
        word_is_used = is_used and is_there == (kind == "+")
        word = self._words(depth=depth + 1, is_used=word_is_used)
        self._close(begun)
        if kind == "?" and word_is_used:
            # What a file says must not steer a terminal.
            reason = "".join(letter if letter.isprintable() else " " for letter in word)
            raise UsageError(f"the variable {name} must be set{reason and f': {reason}'}", hint=f"set {name}")
        if word_is_used:
            return word
        return value or "" if is_used and kind != "+" else ""

    def _close(self, begun: int) -> None:
        if not self._text.startswith("}", self._at):
            known = "${NAME}, ${NAME:-…}, ${NAME-…}, ${NAME:?…}, ${NAME?…}, ${NAME:+…} and ${NAME+…}"
            raise UsageError(f"{self._text[begun:]!r} is no variable", hint=f"Compose has {known}; $$ is a dollar sign")
        self._at += 1
