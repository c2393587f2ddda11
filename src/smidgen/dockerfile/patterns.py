r"""One pattern of an ignore file or of ``--exclude``, as a regular expression over whole paths.

``*`` is any text without a slash, ``?`` one character, ``[a-z]`` and ``[^a-z]`` one of a set, ``**`` any number of
directories, ``\`` takes the meaning of the next character away.

Source: ``moby/patternmatcher`` (``Pattern.compile``), oddities included: ``**x`` matches every path that ends in ``x``,
and a negated set takes a slash.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from smidgen.dockerfile.slow_pattern import SlowPattern, Token
from smidgen.errors import UsageError

_DIRECTORIES: Final = "(?:.*/)?"
_PARTS: Final = {"one": "[^/]", "any": "[^/]*", "directories": _DIRECTORIES, "rest": ".*"}
# A regular expression with this many parts that may take any length is at worst quadratic.
_MOST_OPEN: Final = 2


def parse_pattern(pattern: str) -> tuple[Token, ...]:
    """Split a pattern into its parts.

    Raises:
        UsageError: A ``[`` does not end or is empty, a range is none, or the last character is a backslash.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(pattern):
        letter = pattern[position]
        position += 1
        if letter == "*":
            if not pattern.startswith("*", position):
                tokens.append(Token("any"))
                continue
            position += 1
            position += pattern.startswith("/", position)
            tokens.append(Token("directories" if position < len(pattern) else "rest"))
        elif letter == "?":
            tokens.append(Token("one"))
        elif letter == "[":
            text, position = _set(pattern, position)
            tokens.append(Token("set", text))
        elif letter == "\\":
            if position == len(pattern):
                raise _malformed(pattern)
            tokens.append(Token("letter", pattern[position]))
            position += 1
        else:
            tokens.append(Token("letter", letter))
    return tuple(tokens)


@dataclass(frozen=True, slots=True)
class Expressions:
    """Patterns of which one is enough.

    Attributes:
        fast: All that a regular expression can do in good time, as one.
        slow: The others.
    """

    fast: re.Pattern[str] | None
    slow: tuple[SlowPattern, ...]

    def match(self, path: str) -> bool:
        """Say whether a pattern matches the whole of *path*."""
        if self.fast is not None and self.fast.fullmatch(path):
            return True
        return any(pattern.match(path) for pattern in self.slow)


def compile_patterns(patterns: Iterable[str]) -> Expressions:
    """Compile *patterns*, which are clean: no ``./``, no ``//``, no slash at an end.

    Raises:
        UsageError: One is malformed.
    """
    fast: list[str] = []
    slow: list[SlowPattern] = []
    for pattern in patterns:
        translated = _translate(pattern)
        if isinstance(translated, str):
            fast.append(translated)
        else:
            slow.append(translated)
    return Expressions(re.compile("|".join(fast), re.DOTALL) if fast else None, tuple(slow))


def _translate(pattern: str) -> str | SlowPattern:
    tokens = parse_pattern(pattern)
    if tokens and tokens[0].kind == "directories" and all(token.kind == "letter" for token in tokens[1:]):
        rest = re.escape("".join(token.text for token in tokens[1:]))
        return f"{_DIRECTORIES}{rest}" if pattern.startswith("**/") else f".*{rest}"
    parts: list[str] = []
    open_ends = position = 0
    while position < len(tokens):
        token = tokens[position]
        position += 1
        if token.kind == "any":
            chunk, end = _chunk(tokens, position)
            following = tokens[end] if end < len(tokens) else Token("end")
            # What is atomic is not tried again: where another star follows in the same component, the first place
            # for what is between is as good as any, and before a slash or the end there is one place only.
            closed = {"any": f"(?>[^/]*?{chunk})", "end": f"(?>[^/]*{chunk}\\Z)"}.get(following.kind)
            if closed is None and following.text == "/":
                closed = f"(?>[^/]*{chunk}(?=/))"
            if closed is not None:
                parts.append(closed)
                position = end
                continue
        open_ends += token.kind in {"any", "directories"}
        parts.append(_PARTS.get(token.kind, token.text) if token.kind != "letter" else re.escape(token.text))
    if open_ends > _MOST_OPEN:
        return SlowPattern(tokens)
    return "".join(parts)


def _chunk(tokens: tuple[Token, ...], position: int) -> tuple[str, int]:
    """Translate what of *tokens* has one length and stays in its component; give it, and where it ends."""
    parts: list[str] = []
    while position < len(tokens):
        token = tokens[position]
        if token.kind == "letter" and token.text != "/":
            parts.append(re.escape(token.text))
        elif token.kind == "one" or (token.kind == "set" and not re.match(token.text, "/")):
            parts.append(_PARTS.get(token.kind, token.text))
        else:
            break
        position += 1
    return "".join(parts), position


def _set(pattern: str, position: int) -> tuple[str, int]:
    """Translate what follows a ``[``; give it, and where it ends."""
    negated = pattern.startswith("^", position)
    position += negated
    ranges: list[str] = []
    while not (ranges and pattern.startswith("]", position)):
        low, position = _bound(pattern, position)
        high = low
        if pattern.startswith("-", position):
            high, position = _bound(pattern, position + 1)
        if high < low:
            raise _malformed(pattern)
        ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    return f"[{'^' if negated else ''}{''.join(ranges)}]", position + 1


def _bound(pattern: str, position: int) -> tuple[str, int]:
    letter = pattern[position : position + 1]
    if letter == "\\":
        position += 1
        letter = pattern[position : position + 1]
    elif letter in {"-", "]"}:
        letter = ""
    if not letter:
        raise _malformed(pattern)
    return letter, position + 1


def _malformed(pattern: str) -> UsageError:
    return UsageError(
        f"the pattern {pattern!r} is malformed",
        hint="close each [ with ], and write \\ before a character that is meant",
    )
