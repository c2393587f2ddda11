"""Libraries that PyInstaller packed into an executable: it unpacks them when it starts, and loads them then.

Source: PyInstaller's documentation, "CArchive": a list of contents and a cookie lie behind the program, or in a section
of it; all numbers are big-endian.
"""

import zlib
from collections.abc import Iterator
from struct import Struct
from typing import Final

from smidgen.elf.header import ElfFile
from smidgen.elf.packed import MAX_IN_ALL, MAX_SIZE, PackedFile

_MAGIC: Final = b"MEI\014\013\012\013\016"
_COOKIE: Final = Struct(">8sIIII64s")
_ROW: Final = Struct(">IIIIBc")
_MAX_ROWS: Final = 100_000


def is_by_pyinstaller(elf: ElfFile) -> bool:
    """Tell whether an executable is one that PyInstaller made, with its libraries in it or beside it."""
    return _archive(elf) is not None


def packed_libraries(elf: ElfFile) -> Iterator[PackedFile]:
    """Give the ELF files that PyInstaller packed; none for other programs. What is damaged is passed over."""
    found = _archive(elf)
    if found is None:
        return
    start, length, list_offset, list_length = found
    rows = elf.data[start + list_offset : start + list_offset + list_length]
    left = MAX_IN_ALL
    place = 0
    for _ in range(_MAX_ROWS):
        if place + _ROW.size > len(rows):
            return
        row, offset, stored, size, is_compressed, _ = _ROW.unpack_from(rows, place)
        name = rows[place + _ROW.size : place + row].rstrip(b"\0").decode("utf-8", "backslashreplace")
        place += max(row, _ROW.size)
        if not 64 <= size <= min(MAX_SIZE, left) or offset + stored > length:
            continue
        content = _unpacked(elf.data[start + offset : start + offset + stored], size, compressed=bool(is_compressed))
        if content[:4] == b"\x7fELF":
            left -= len(content)
            yield PackedFile(name, content)


def _archive(elf: ElfFile) -> tuple[int, int, int, int] | None:
    """Give where the archive starts and how long it is, then the same of its list of contents, from there on."""
    at = elf.data.rfind(_MAGIC)
    if at < 0 or at + _COOKIE.size > len(elf.data):
        return None
    _, length, list_offset, list_length, _, _ = _COOKIE.unpack(elf.data[at : at + _COOKIE.size])
    start = at + _COOKIE.size - length
    if start < 0 or list_offset + list_length > length:
        return None
    return start, length, list_offset, list_length


def _unpacked(data: bytes, size: int, *, compressed: bool) -> bytes:
    if not compressed:
        return data[:size]
    try:
        unpacker = zlib.decompressobj()
        # Most files are no libraries: their first bytes tell.
        head = unpacker.decompress(data, 4)
        return head + unpacker.decompress(unpacker.unconsumed_tail, size) if head == b"\x7fELF" else b""
    except zlib.error:
        return b""
