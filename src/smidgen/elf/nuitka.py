"""Libraries that Nuitka packed into an executable (``--mode=onefile``): it unpacks them when it starts.

Source: what Nuitka 4.3 writes, as its files show it: ``KAX`` or, compressed by zstd, ``KAY``; then file after file its
name with a zero byte, a byte for whether it can be executed, 8 bytes of length, and the content; an empty name ends it.
"""

import io
import re
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Final

import zstandard

from smidgen.elf.header import ElfFile
from smidgen.elf.packed import MAX_IN_ALL, MAX_SIZE, PackedFile

if TYPE_CHECKING:
    from typing_extensions import Buffer

_START: Final = re.compile(rb"KA(?:X(?=[A-Za-z0-9_./\-]{1,255}\0[\0\1])|Y(?=\x28\xb5\x2f\xfd))")
# What Nuitka's start of such a program has in its texts: a variable that it sets.
_ONEFILE: Final = b"NUITKA_ONEFILE_DIRECTORY"
# What the programs themselves have in theirs.
_PROGRAM: Final = b"__nuitka_binary_dir"
_MAX_NAME: Final = 4096
_MAX_FILES: Final = 100_000
_CHUNK: Final = 1 << 20


def is_by_nuitka(elf: ElfFile) -> bool:
    """Tell whether Nuitka compiled an executable, and did not pack its libraries into it."""
    return elf.data.find(_PROGRAM) >= 0 and not is_nuitka_onefile(elf)


def is_nuitka_onefile(elf: ElfFile) -> bool:
    """Tell whether an executable is one that Nuitka packed with its libraries.

    The program proper, which is among what is packed, has the same texts.
    """
    if elf.data.find(_ONEFILE) < 0:
        return False
    return _START.search(elf.data) is not None or elf.data.find(_PROGRAM) < 0


def nuitka_libraries(elf: ElfFile) -> Iterator[PackedFile]:
    """Give the ELF files that Nuitka packed; none for other programs. What is damaged ends the list."""
    match = _START.search(elf.data) if is_nuitka_onefile(elf) else None
    if match is None:
        return
    stream: IO[bytes] = io.BufferedReader(_At(elf, match.end()))
    if match[0] == b"KAY":
        stream = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(stream)
    try:
        yield from _files(stream)
    except zstandard.ZstdError:
        return


def _files(stream: IO[bytes]) -> Iterator[PackedFile]:
    left = MAX_IN_ALL
    for _ in range(_MAX_FILES):
        name = _name(stream)
        size = int.from_bytes(_exactly(stream, 9)[1:], "little")
        left -= size
        if not name or left < 0:
            return
        head = _exactly(stream, min(size, 4))
        if head == b"\x7fELF" and size <= MAX_SIZE:
            yield PackedFile(name, head + _exactly(stream, size - len(head)))
        else:
            _skip(stream, size - len(head))


def _name(stream: IO[bytes]) -> str:
    found = bytearray()
    while len(found) < _MAX_NAME and (one := stream.read(1)) not in {b"", b"\0"}:
        found += one
    return found.decode("utf-8", "backslashreplace")


def _exactly(stream: IO[bytes], size: int) -> bytes:
    """Read *size* bytes; fewer only at the end."""
    parts = []
    while size > 0 and (part := stream.read(min(size, _CHUNK))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _skip(stream: IO[bytes], size: int) -> None:
    while size > 0 and (part := stream.read(min(size, _CHUNK))):
        size -= len(part)


class _At(io.RawIOBase):
    """The bytes of an executable from a place on, without a copy of them all."""

    def __init__(self, elf: ElfFile, start: int) -> None:
        self._data = elf.data
        self._place = start

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer", /) -> int:
        with memoryview(buffer) as target:
            found = self._data[self._place : self._place + len(target)]
            target[: len(found)] = found
        self._place += len(found)
        return len(found)
