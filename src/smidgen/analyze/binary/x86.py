"""Lengths of amd64 instructions: enough to tell whether bytes that look like a reference are one.

Source: Intel SDM, volume 2, chapter 2 (instruction format) and appendix A (opcode maps).
"""

from collections.abc import Iterator
from typing import Final

_PREFIXES: Final = frozenset((0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3))
_NARROW: Final = 0x66
# What begins a VEX or EVEX prefix.
_VECTOR: Final = frozenset((0x62, 0xC4, 0xC5))
_LONGEST: Final = 15


def _opcodes(*ranges: int | tuple[int, int]) -> frozenset[int]:
    return frozenset(
        code for one in ranges for code in (range(one[0], one[1] + 1) if isinstance(one, tuple) else (one,))
    )


# Of the map of one byte: what has a ModR/M byte, and what ends with a constant of one byte, or of two or four.
_MODRM: Final = frozenset(code for code in range(0x40) if code & 7 < 4) | _opcodes(
    0x63, 0x69, 0x6B, (0x80, 0x8F), (0xC0, 0xC1), (0xC6, 0xC7), (0xD0, 0xD3), (0xD8, 0xDF), (0xF6, 0xF7), (0xFE, 0xFF)
)
_BYTE: Final = frozenset(code for code in range(0x40) if code & 7 == 4) | _opcodes(
    (0x6A, 0x6B),
    (0x70, 0x80),
    (0x82, 0x83),
    0xA8,
    (0xB0, 0xB7),
    (0xC0, 0xC1),
    0xC6,
    0xCD,
    (0xD4, 0xD5),
    (0xE0, 0xE7),
    0xEB,
)
_WORD: Final = frozenset(code for code in range(0x40) if code & 7 == 5) | _opcodes(
    (0x68, 0x69), 0x81, 0xA9, (0xB8, 0xBF), 0xC7
)
_OTHER: Final = {0xC2: 2, 0xCA: 2, 0xC8: 3, 0xE8: 4, 0xE9: 4, **dict.fromkeys((0xA0, 0xA1, 0xA2, 0xA3), 8)}
# Of the map of two bytes, behind 0x0F.
_NO_MODRM_2: Final = _opcodes(
    (0x04, 0x0C), 0x0E, (0x30, 0x37), 0x77, (0x80, 0x8F), (0xA0, 0xA2), (0xA8, 0xAA), (0xC8, 0xCF)
)
_BYTE_2: Final = _opcodes((0x70, 0x73), 0xA4, 0xAC, 0xBA, 0xC2, (0xC4, 0xC6))


def constant_behind(code: bytes, at: int) -> int:
    """Give how many bytes of a constant follow the address that the ModR/M byte at *at* says to be there.

    The bytes before it are taken to be opcodes.
    """
    opcode = code[at - 1]
    if code[at - 2] == 0x0F:
        return 1 if opcode in _BYTE_2 else 0
    if opcode in {0xF6, 0xF7}:
        return 0 if code[at] & 0x30 else 1 if opcode == 0xF6 else 4
    if opcode in _MODRM:
        return 1 if opcode in _BYTE else 4 if opcode in _WORD else 0
    return 0


def instructions(code: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Give where each instruction's ModR/M byte is (0 for none), and where the next one begins."""
    while at < end:
        place, following = _decoded(code, at)
        yield place, following
        at = following


def _decoded(code: bytes, at: int) -> tuple[int, int]:
    limit = at + _LONGEST
    wide = narrow = False
    opcode = code[at]
    while opcode in _PREFIXES and at < limit:
        narrow |= opcode == _NARROW
        at += 1
        opcode = code[at]
    if opcode & 0xF0 == 0x40:
        wide = bool(opcode & 8)
        at += 1
        opcode = code[at]
    if opcode in _VECTOR:
        return _vector(code, at)
    if opcode == 0x0F:
        return _two_bytes(code, at + 1)
    return _one_byte(code, at + 1, opcode, 8 if wide else 2 if narrow else 4)


def _one_byte(code: bytes, at: int, opcode: int, width: int) -> tuple[int, int]:
    """Decode what is behind an opcode of one byte; *width* is that of its operands, in bytes."""
    if opcode in _OTHER:
        return 0, at + _OTHER[opcode]
    place, behind = (at, _behind_modrm(code, at)) if opcode in _MODRM else (0, at)
    if opcode in _BYTE:
        return place, behind + 1
    if opcode in _WORD:
        return place, behind + (width if 0xB8 <= opcode <= 0xBF else min(width, 4))
    if opcode in {0xF6, 0xF7} and not code[at] & 0x30:
        return place, behind + (1 if opcode == 0xF6 else min(width, 4))
    return place, behind


def _two_bytes(code: bytes, at: int) -> tuple[int, int]:
    opcode = code[at]
    at += 1
    if opcode in {0x38, 0x3A}:
        return at + 1, _behind_modrm(code, at + 1) + (opcode == 0x3A)
    if opcode in _NO_MODRM_2:
        return 0, at + (4 if 0x80 <= opcode <= 0x8F else 0)
    return at, _behind_modrm(code, at) + (opcode in _BYTE_2)


def _vector(code: bytes, at: int) -> tuple[int, int]:
    """Decode what begins as VEX or EVEX does: these have no other meaning in programs of 64 bits."""
    if code[at] == 0xC5:
        table, opcode = 1, at + 2
    elif code[at] == 0xC4:
        table, opcode = code[at + 1] & 31, at + 3
    else:
        table, opcode = code[at + 1] & 7, at + 4
    if table == 1 and code[opcode] == 0x77 and code[at] != 0x62:
        return 0, opcode + 1
    behind = _behind_modrm(code, opcode + 1)
    return opcode + 1, behind + (table == 3 or (table == 1 and code[opcode] in _BYTE_2))


def _behind_modrm(code: bytes, at: int) -> int:
    """Give where the ModR/M byte at *at*, what it asks for and an address end."""
    modrm = code[at]
    mode, register = modrm >> 6, modrm & 7
    at += 1
    if mode == 3:
        return at
    if register == 4:
        register = code[at] & 7
        at += 1
    elif mode == 0 and register == 5:
        return at + 4
    if mode == 0:
        return at + (4 if register == 5 else 0)
    return at + (1 if mode == 1 else 4)


def modrm_places(code: bytes, begin: int, end: int) -> frozenset[int]:
    """Give where the ModR/M bytes of the instructions from *begin* to *end* are."""
    return frozenset(place for place, _ in instructions(code, begin, min(end, len(code) - 2 * _LONGEST)) if place)
