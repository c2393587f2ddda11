"""Patterns of expansions: ``*`` any text, ``?`` one character, a backslash takes their meaning away.

Source: POSIX Shell 2.6.2, without bracket expressions, which BuildKit's front end does not have either. Nothing here
backtracks: a pattern is cut at its stars, and each piece is looked for once, so that no pattern is slow.
"""

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from smidgen.errors import UsageError

# Pieces between stars; within one, None stands for "?".
_Piece: TypeAlias = tuple[str | None, ...]
_Pieces: TypeAlias = tuple[_Piece, ...]
_ESCAPABLE: Final = "*?\\"


def remove_prefix(value: str, pattern: str, *, longest: bool) -> str:
    """Give *value* without the shortest or longest beginning that *pattern* matches.

    Raises:
        UsageError: The pattern has an escape of something that needs none.
    """
    end = _match_at(value, 0, _split(pattern), longest=longest)
    return value if end is None else value[end:]


def remove_suffix(value: str, pattern: str, *, longest: bool) -> str:
    """Give *value* without the shortest or longest end that *pattern* matches.

    Raises:
        UsageError: The pattern has an escape of something that needs none.
    """
    mirrored = tuple(piece[::-1] for piece in reversed(_split(pattern)))
    end = _match_at(value[::-1], 0, mirrored, longest=longest)
    return value if end is None else value[: len(value) - end]


def replace_matches(value: str, pattern: str, replacement: str, *, every: bool, limit: int) -> str:
    """Give *value* with the first match of *pattern*, or every one, replaced.

    Raises:
        UsageError: The pattern has an escape of something that needs none, or the result is longer than *limit*.
    """
    parts: list[str] = []
    position = added = 0
    for begin, end in _matches(value, _split(pattern)):
        parts += (value[position:begin], replacement)
        position = end
        added += len(replacement)
        if added > limit:
            raise UsageError(
                f"the replacement makes more than {limit} characters", hint="the pattern matches too often: narrow it"
            )
        if not every:
            break
    return "".join((*parts, value[position:]))


def _matches(value: str, pieces: _Pieces) -> Iterator[tuple[int, int]]:
    position = 0
    last_end = -1
    while position <= len(value):
        begin = _find(value, pieces[0], position)
        end = None if begin is None else _match_at(value, begin, pieces, longest=True)
        if begin is None or end is None:
            return
        # An empty match right behind another one does not count, as in Go's regexp.
        if end > begin or end != last_end:
            yield begin, end
            last_end = end
        position = end if end > begin else end + 1


def _split(pattern: str) -> _Pieces:
    pieces: list[list[str | None]] = [[]]
    position = 0
    while position < len(pattern):
        letter = pattern[position]
        position += 1
        if letter == "*":
            pieces.append([])
        elif letter == "?":
            pieces[-1].append(None)
        elif letter == "\\" and pattern[position : position + 1] not in {"}", "/"}:
            escaped = pattern[position : position + 1]
            if not escaped or escaped not in _ESCAPABLE:
                raise UsageError(
                    f"the pattern {pattern!r} has an invalid escape \\{escaped}",
                    hint="a backslash stands before *, ?, / , } or another backslash only",
                )
            pieces[-1].append(escaped)
            position += 1
        elif letter != "\\":
            pieces[-1].append(letter)
    return tuple(map(tuple, pieces))


def _match_at(value: str, begin: int, pieces: _Pieces, *, longest: bool) -> int | None:
    """Give where the match of *pieces* that begins at *begin* ends, or None."""
    first, *others = pieces
    if not _expression(first).match(value, begin):
        return None
    end = begin + len(first)
    for number, piece in enumerate(others, start=1):
        look = _find_last if longest and number == len(others) else _find
        at = look(value, piece, end)
        if at is None:
            return None
        end = at + len(piece)
    return end


def _find(value: str, piece: _Piece, start: int) -> int | None:
    match = _expression(piece).search(value, start)
    return match.start() if match else None


def _find_last(value: str, piece: _Piece, start: int) -> int | None:
    # The last match is the first one of the mirror image.
    match = _expression(piece[::-1]).search(value[start:][::-1])
    return len(value) - match.end() if match else None


def _expression(piece: _Piece) -> re.Pattern[str]:
    return re.compile("".join("." if letter is None else re.escape(letter) for letter in piece), re.DOTALL)
