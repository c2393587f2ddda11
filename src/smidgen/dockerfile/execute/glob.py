r"""Patterns of sources: one component of a path against one of a pattern.

Source: Go's ``path/filepath``, ``Match``: ``*``, ``?``, ``[a-z]``, ``[^a-z]`` and ``\`` before a character.
"""

import re
from collections.abc import Callable

from smidgen.errors import UsageError


def compiled(pattern: str) -> Callable[[str], bool]:
    """Give the function that says whether a name matches *pattern*, which has no slash.

    Raises:
        UsageError: A bracket does not end, or an escape stands last.
    """
    expression = re.compile(_translated(pattern) + r"\Z", re.DOTALL)
    return lambda name: expression.match(name) is not None


def _translated(pattern: str) -> str:
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        at += 1
        if letter == "*":
            # Several in a row are as one, and would take a regular expression very long.
            if not parts or parts[-1] != ".*":
                parts.append(".*")
        elif letter == "?":
            parts.append(".")
        elif letter == "[":
            text, at = _class(pattern, at)
            parts.append(text)
        elif letter == "\\":
            if at == len(pattern):
                raise _bad(pattern)
            parts.append(re.escape(pattern[at]))
            at += 1
        else:
            parts.append(re.escape(letter))
    return "".join(parts)


def _class(pattern: str, at: int) -> tuple[str, int]:
    """Translate what follows a ``[``; give it and where it ends."""
    ranges: list[str] = []
    negated = pattern[at : at + 1] == "^"
    at += negated
    while True:
        if pattern[at : at + 1] == "]" and ranges:
            return f"[{'^' if negated else ''}{''.join(ranges)}]", at + 1
        low, at = _bound(pattern, at)
        high = low
        if pattern[at : at + 1] == "-":
            high, at = _bound(pattern, at + 1)
        if low > high:
            raise _bad(pattern)
        ranges.append(f"{re.escape(low)}-{re.escape(high)}")


def _bound(pattern: str, at: int) -> tuple[str, int]:
    letter = pattern[at : at + 1]
    if letter in {"", "-", "]"}:
        raise _bad(pattern)
    if letter == "\\":
        at += 1
        letter = pattern[at : at + 1]
        if not letter:
            raise _bad(pattern)
    return letter, at + 1


def _bad(pattern: str) -> UsageError:
    return UsageError(f"the pattern {pattern!r} is not well formed", hint="[ needs its ], and \\ a character after it")
