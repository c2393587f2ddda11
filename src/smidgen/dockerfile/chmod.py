"""What ``--chmod`` says: an octal mode, or changes as of chmod(1).

Source: Dockerfile reference, "COPY --chmod"; POSIX chmod, "EXTENDED DESCRIPTION". The umask plays no part.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from smidgen.errors import UsageError

Chmod: TypeAlias = Callable[[int, bool], int]

_OCTAL: Final = re.compile(r"^[0-7]{1,12}\Z")
_CLAUSE: Final = re.compile(r"^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)\Z")
_ACTION: Final = re.compile(r"([-+=])([rwxXst]*|[ugo])(?=[-+=]|\Z)")
_SHIFTS: Final = {"u": 6, "g": 3, "o": 0}
_BITS: Final = {"r": 4, "w": 2, "x": 1}


def parse_chmod(text: str) -> Chmod:
    """Parse ``755``, ``u=rwX,go=rX`` or ``+x``.

    Returns:
        A function of a mode's permission bits (up to 07777) and of whether it is a directory's, to the new bits.

    Raises:
        UsageError: It is neither form.
    """
    if _OCTAL.match(text) and int(text, 8) <= 0o7777:
        return partial(_fixed, int(text, 8))
    clauses = [_CLAUSE.match(clause) for clause in text.split(",")]
    if not text or None in clauses:
        raise UsageError(f"--chmod is {text!r}", hint="expected 0 to 7777 in octal, or changes such as u=rwX,go=rX")
    actions = [
        (match[1] or "a", action[1], action[2])
        for match in clauses
        if match is not None
        for action in _ACTION.finditer(match[2])
    ]
    return partial(_changed, tuple(actions))


def _fixed(bits: int, _mode: int, _directory: bool) -> int:  # noqa: FBT001
    return bits


def _changed(actions: tuple[tuple[str, str, str], ...], mode: int, directory: bool) -> int:  # noqa: FBT001
    for who, operator, permissions in actions:
        everybody = "ugo" if "a" in who else who
        bits = _bits(everybody, permissions, mode, directory=directory)
        mask = _mask(everybody)
        if operator == "+":
            mode |= bits
        elif operator == "-":
            mode &= ~bits
        else:
            mode = (mode & ~mask) | bits
    return mode


def _bits(who: str, permissions: str, mode: int, *, directory: bool) -> int:
    if permissions in _SHIFTS:
        each = mode >> _SHIFTS[permissions] & 7
    else:
        each = sum(_BITS[letter] for letter in _BITS if letter in permissions)
        if "X" in permissions and (directory or mode & 0o111):
            each |= 1
    bits = 0
    for letter in who:
        bits |= each << _SHIFTS[letter]
    if "s" in permissions:
        bits |= (0o4000 if "u" in who else 0) | (0o2000 if "g" in who else 0)
    if "t" in permissions:
        bits |= 0o1000
    return bits


def _mask(who: str) -> int:
    mask = 0
    for letter in who:
        mask |= 7 << _SHIFTS[letter]
    if "u" in who:
        mask |= 0o4000
    if "g" in who:
        mask |= 0o2000
    return mask | (0o1000 if who == "ugo" else 0)
