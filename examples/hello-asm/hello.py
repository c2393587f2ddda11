#!/usr/bin/env python3
r"""Writes the smallest program that prints a line: an ELF executable, byte by byte, with no assembler and no linker.

    ./hello.py OUTPUT [--architecture amd64|arm64] [--text 'Hi World\n']

Linux asks little of an executable. It looks at the first four bytes, the type, the machine, where the program headers
are and how large one is; then it maps what the one header of type LOAD says, and jumps. The rest of both headers is
ours. So the program header lies over the end of the file header, the code lies in fields that nobody reads, and the
line's end is a byte of a size.

Source: System V ABI, "ELF Header" and "Program Header"; Linux, ``fs/binfmt_elf.c``, and ``syscall_64.tbl`` and
``asm-generic/unistd.h`` for the numbers; Intel SDM volume 2; Arm Architecture Reference Manual, "A64
Base Instructions".
"""

import argparse
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

BASE = 0x400000  # where the first byte of the file is in memory; any page above vm.mmap_min_addr would do
EXECUTABLE = 2  # ET_EXEC
LOAD = 1  # PT_LOAD
READ_EXECUTE = 5  # PF_R | PF_X
HEADER = 56  # bytes of a program header, and the e_phentsize that the kernel wants to see

E_IDENT_PADDING = 8  # e_ident[8:16]: nobody reads it
E_SHOFF = 40  # where the section headers would be; there are none


def amd64(text: bytes) -> bytes:
    """Give the program for x86-64: 104 bytes with a text of up to 9, the last of which is a newline.

    The program header begins at byte 48, so that two fields are each two things:

    ====== ============================== ==============================
    byte   file header                    program header
    ====== ============================== ==============================
    48     e_flags = 1                    p_type = LOAD
    52     e_ehsize = 5, e_phentsize = 56 p_flags: the lowest bits are R and X, no other is looked at
    56     e_phnum = 1, nothing behind it p_offset = 1, and so p_vaddr ends in 1 too
    ====== ============================== ==============================

    All registers but the stack's are 0 when a program starts, so only their lowest bytes are set.
    """
    at = 48
    message, text_at = _message(text, paddr=at + 24, end=at + HEADER)
    first = b"\xb0\x01\x89\xc7\xb2" + bytes([len(text)])  # mov al, 1 (write); mov edi, eax; mov dl, length
    second = b"\xbe" + struct.pack("<I", BASE + text_at)  # mov esi, text
    third = b"\x0f\x05\xb0\x3c\x31\xff\x0f\x05"  # syscall; mov al, 60 (exit); xor edi, edi; syscall
    p_align = at + 48
    file = _file_header(machine=62, phoff=at)
    file[at : at + HEADER] = struct.pack(
        "<IIQQ8sQQ8s", LOAD, HEADER << 16 | READ_EXECUTE, 1, BASE + 1, message.paddr, message.size, message.size, third
    )
    for place, code, target in ((E_IDENT_PADDING, first, E_SHOFF), (E_SHOFF, second, p_align)):
        jump = b"\xeb" + struct.pack("<b", target - (place + len(code) + 2))
        file[place : place + len(code) + 2] = code + jump
    return bytes(file) + message.tail


def arm64(text: bytes) -> bytes:
    """Give the program for arm64: 124 bytes with a text of up to 9, the last of which is a newline.

    Instructions have four bytes and must lie at multiples of four, so fewer places hold less. The program header
    begins at byte 56: e_phnum is p_type, e_shnum is p_flags. At 48 the kernel would start it too (with 120 bytes),
    but qemu insists on an e_ehsize of 64, which would be p_flags without any right.
    """
    at = 56
    tail_at = at + 48
    message, text_at = _message(text, paddr=at + 24, end=tail_at + 5 * 4)
    code = {
        E_IDENT_PADDING: [_movz(0, 1), _branch(E_IDENT_PADDING + 4, E_SHOFF)],  # x0: standard output
        E_SHOFF: [_adr(1, E_SHOFF, text_at), _movz(2, len(text)), _branch(E_SHOFF + 8, tail_at)],
        tail_at: [_movz(8, 64), _SVC, _movz(0, 0), _movz(8, 93), _SVC],  # write; exit with 0
    }
    file = _file_header(machine=183, phoff=at)
    struct.pack_into("<HHH", file, 52, 64, HEADER, LOAD)  # e_ehsize, e_phentsize, e_phnum
    file += bytes(tail_at + 5 * 4 - len(file))
    struct.pack_into("<IIQQ8sQQ", file, at, LOAD, READ_EXECUTE, 0, BASE, message.paddr, message.size, message.size)
    for place, instructions in code.items():
        struct.pack_into(f"<{len(instructions)}I", file, place, *instructions)
    return bytes(file) + message.tail


class _Message:
    """Where the text is: in p_paddr, which is for machines without virtual memory, or behind the program.

    A newline as the ninth byte falls on p_filesz: its lowest byte is then 10. The segment is larger than the file by
    that, which the kernel does not mind, as the rest of a file's last page reads as zeros.
    """

    def __init__(self, text: bytes, end: int) -> None:
        fits = len(text) <= 8
        overlaps = len(text) == 9 and text[8:] == b"\n"
        self.paddr = text[:8] if fits or overlaps else b""
        self.tail = b"" if self.paddr else text
        size = end + len(self.tail)
        self.size = (size + 0xFF & ~0xFF) + 10 if overlaps else size


def _message(text: bytes, *, paddr: int, end: int) -> tuple[_Message, int]:
    if not 0 < len(text) < 256:
        raise SystemExit(f"a text of 1 to 255 bytes was expected, got {len(text)}")
    message = _Message(text, end)
    return message, paddr if message.paddr else end


def _file_header(*, machine: int, phoff: int) -> bytearray:
    """Give the file header, long enough for the program header over its end; the code begins in e_ident."""
    ident = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian, version 1
    entry = BASE + E_IDENT_PADDING
    header = struct.pack("<16sHHIQQ", ident, EXECUTABLE, machine, 1, entry, phoff)
    return bytearray(header.ljust(phoff + HEADER, b"\0"))


_SVC = 0xD4000001


def _movz(register: int, value: int) -> int:
    return 0xD2800000 | value << 5 | register


def _adr(register: int, place: int, target: int) -> int:
    distance = target - place
    return 0x10000000 | (distance & 3) << 29 | (distance >> 2 & 0x7FFFF) << 5 | register


def _branch(place: int, target: int) -> int:
    return 0x14000000 | (target - place) // 4


WRITERS = {"amd64": amd64, "arm64": arm64}


def main(arguments: Iterable[str]) -> None:
    """Write the program that the command line asks for."""
    parser = argparse.ArgumentParser(description="Writes the smallest program that prints a line.")
    parser.add_argument("output", type=Path)
    here = "arm64" if os.uname().machine == "aarch64" else "amd64"
    parser.add_argument("--architecture", choices=WRITERS, default=here)
    parser.add_argument("--text", default="Hi World\\n", help=r"what it prints; \n is a newline")
    options = parser.parse_args(list(arguments))
    text = options.text.encode().replace(b"\\n", b"\n")
    program = WRITERS[options.architecture](text)
    try:
        options.output.write_bytes(program)
        options.output.chmod(0o755)
    except OSError as error:
        raise SystemExit(f"{options.output} cannot be written: {error.strerror}") from error
    print(f"{options.output}: {len(program)} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
