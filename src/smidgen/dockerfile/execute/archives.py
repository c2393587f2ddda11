"""Archives that ADD unpacks: told by their content, however they are compressed."""

import bz2
import contextlib
import io
import lzma
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from smidgen.dockerfile.execute.sources import Match, Tree
from smidgen.errors import ContentError, InvalidArchive
from smidgen.layer.decompress import decompressed
from smidgen.layer.entry import Kind
from smidgen.layer.merged import Merged
from smidgen.layer.tar_fields import parse_header
from smidgen.layer.tar_reader import read_tar
from smidgen.layer.tar_writer import BLOCK
from smidgen.layer.unpack import Unpacking

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MAGIC: Final = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"))
_READ: Final = 1 << 16
# Enough for xz -9, which needs 65 MiB.
_MOST_MEMORY: Final = 128 << 20


def is_archive(path: str) -> bool:
    """Tell whether a file is a tar, plain or compressed with gzip, bzip2, xz or zstd.

    Raises:
        OSError: It cannot be read.
    """
    try:
        with _opened(path) as stream:
            block = stream.read(BLOCK)
            if len(block) < BLOCK or not block.strip(b"\0"):
                return False
            parse_header(block)
    except ContentError:
        return False
    return True


def unpacked(path: str, directory: Path) -> Match:
    """Unpack an archive into the empty *directory*, and give what was in it.

    Raises:
        InvalidArchive: It is damaged, or tries to leave *directory*.
        LimitExceeded: It is larger than any real one.
    """
    named: set[str] = set()
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        unpacking = Unpacking(fd, preserve_owners=True)
        with _opened(path) as stream, contextlib.closing(unpacking):
            for member in read_tar(stream):
                unpacking.apply(member)
                if member.entry.kind is Kind.DIRECTORY:
                    named.add(member.entry.path)
            unpacking.finish()
    finally:
        os.close(fd)
    (match,) = Tree(Merged([directory])).match("/")
    directories = {item.path for item in match.items if item.kind is Kind.DIRECTORY}
    return replace(match, implied=frozenset(directories - named))


def _opened(path: str) -> BinaryIO:
    file = open(path, "rb")  # noqa: SIM115 (the reader closes it)
    head = file.read(8)
    file.seek(0)
    algorithm = next((name for magic, name in _MAGIC if head.startswith(magic)), "none")
    if algorithm == "bzip2":
        return io.BufferedReader(_Foreign(file, bz2.BZ2Decompressor))
    if algorithm == "xz":
        return io.BufferedReader(_Foreign(file, lambda: lzma.LZMADecompressor(memlimit=_MOST_MEMORY)))
    return decompressed(file, algorithm)


class _Foreign(io.RawIOBase):
    """The bytes of joined bzip2 or xz streams; memory is bounded however much a piece expands."""

    def __init__(self, file: BinaryIO, new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]) -> None:
        self._file = file
        self._new = new
        self._decompressor = new()
        self._pending = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        try:
            data = self._next(len(view))
        except (OSError, lzma.LZMAError, EOFError) as error:
            raise InvalidArchive(f"damaged: {error}", member=self._file.name) from error
        view[: len(data)] = data
        return len(data)

    def _next(self, size: int) -> bytes:
        while True:
            if self._decompressor.eof:
                self._pending = self._decompressor.unused_data or self._file.read(_READ)
                if not self._pending.strip(b"\0"):
                    return b""
                self._decompressor = self._new()
            elif self._decompressor.needs_input and not self._pending:
                self._pending = self._file.read(_READ)
                if not self._pending:
                    raise EOFError("it was cut")
            data = self._decompressor.decompress(self._pending, size)
            self._pending = b""
            if data:
                return data

    def close(self) -> None:
        self._file.close()
        super().close()
