"""The smallest program that says something, put together byte by byte."""

import struct


def tiny_executable(text: bytes) -> bytes:
    """Assemble a static x86-64 program of under 200 bytes that writes *text* and exits with 0."""
    header = 64 + 56
    code = (
        b"\xb8\x01\x00\x00\x00"  # mov eax, 1 (write)
        b"\xbf\x01\x00\x00\x00"  # mov edi, 1 (standard output)
        b"\x48\x8d\x35\x10\x00\x00\x00"  # lea rsi, [rip + 16]: behind the code
         b"\xba" + struct.pack("<I", len(text)) +  # mov edx, length
        b"\x0f\x05"  # syscall
        b"\xb8\x3c\x00\x00\x00"  # mov eax, 60 (exit)
        b"\x31\xff"  # xor edi, edi
        b"\x0f\x05"  # syscall
    )  # fmt: skip
    size = header + len(code) + len(text)
    base = 0x400000
    elf = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, base + header, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    return elf + struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000) + code + text
