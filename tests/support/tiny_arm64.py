"""The smallest program for arm64 that leaves something behind, put together instruction by instruction.

Source: Arm Architecture Reference Manual for A-profile, "A64 Base Instructions"; ``asm-generic/unistd.h`` of Linux.
"""

import struct

_HEADER = 64 + 56
_BASE = 0x400000
_SVC = 0xD4000001
_OPENAT, _WRITE, _EXIT = 56, 64, 93
_CREATE = 0o101  # O_CREAT | O_WRONLY


def tiny_arm64(text: bytes, path: bytes) -> bytes:
    """Assemble a static program that writes *text* to its output and to the new file *path*, and exits with 0."""
    code: list[int] = []
    end = 18 * 4

    def put(register: int, value: int) -> None:
        code.append(0xD2800000 | value << 5 | register)  # movz

    def point(register: int, offset: int) -> None:
        distance = end + offset - 4 * len(code)
        code.append(0x10000000 | (distance & 3) << 29 | (distance >> 2) << 5 | register)  # adr

    def call(number: int) -> None:
        put(8, number)
        code.append(_SVC)

    put(0, 1)
    point(1, 0)
    put(2, len(text))
    call(_WRITE)
    code.append(0x92800000 | 99 << 5)  # movn x0, 99: AT_FDCWD
    point(1, len(text))
    put(2, _CREATE)
    put(3, 0o644)
    call(_OPENAT)  # gives the descriptor where write wants it
    point(1, 0)
    put(2, len(text))
    call(_WRITE)
    put(0, 0)
    call(_EXIT)
    assert 4 * len(code) == end, len(code)
    body = struct.pack(f"<{len(code)}I", *code) + text + path + b"\0"
    size = _HEADER + len(body)
    ident = b"\x7fELF\x02\x01\x01"
    elf = struct.pack("<16sHHIQQQIHHHHHH", ident, 2, 183, 1, _BASE + _HEADER, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return elf + struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x10000) + body
