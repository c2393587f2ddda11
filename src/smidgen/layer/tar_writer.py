"""A tar writer whose bytes depend on nothing but its entries.

It writes ustar headers, and a PAX header before one only where ustar cannot say it: long or non-ASCII names, big
numbers, extended attributes. No user names, no access times, no padding beyond the format's two zero blocks.

Source: POSIX.1-2017 ``pax``, "ustar Interchange Format" and "pax Extended Header"; ``SCHILY.xattr`` as star has it.
"""

import io
import os
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from smidgen.errors import InvalidArchive, SourceChanged
from smidgen.layer.entry import Entry, Kind, encode_path

BLOCK = 512

_TYPE_FLAGS = {
    Kind.FILE: b"0",
    Kind.HARDLINK: b"1",
    Kind.SYMLINK: b"2",
    Kind.CHARACTER_DEVICE: b"3",
    Kind.BLOCK_DEVICE: b"4",
    Kind.DIRECTORY: b"5",
    Kind.FIFO: b"6",
}
_PAX_HEADER = b"x"
_NAME_SIZE = 100
_PREFIX_SIZE = 155
# Octal digits that fit beside the terminating NUL of a 12-byte and an 8-byte field.
_MAX_LONG = 0o77777777777
_MAX_SHORT = 0o7777777
# Up to this size a file is read at once, in one piece with its header.
_SMALL = 64 << 10


def tar_chunks(entries: Iterable[Entry], chunk_size: int) -> Iterator[memoryview]:
    """Write *entries* in their order; give the tar in pieces of *chunk_size* bytes, the last one shorter.

    Each piece is a buffer of its own, which nothing changes afterwards.

    Raises:
        SourceChanged: A file is longer or shorter than its entry says, or gone.
        InvalidArchive: A FILE has no source, or a device number is too large for the format.
        OSError: A file cannot be read.
    """
    buffer = memoryview(bytearray(chunk_size))
    used = 0
    for piece in _pieces(entries):
        if isinstance(piece, _Reading):
            while piece.left:
                count = piece.read_into(buffer[used:])
                used += count
                if used == chunk_size:
                    yield buffer
                    buffer, used = memoryview(bytearray(chunk_size)), 0
            continue
        start = 0
        while start < len(piece):
            count = min(len(piece) - start, chunk_size - used)
            buffer[used : used + count] = piece[start : start + count]
            used += count
            start += count
            if used == chunk_size:
                yield buffer
                buffer, used = memoryview(bytearray(chunk_size)), 0
    if used:
        yield buffer[:used]


class _Reading:
    """A source file being read into place, held to the size of its entry."""

    def __init__(self, entry: Entry, source: Path | str) -> None:
        self.left = entry.size
        self._entry = entry
        self._source = source
        try:
            self._file = io.FileIO(source)
        except FileNotFoundError as error:
            raise SourceChanged(str(source), want=entry.size, got=None) from error

    def read_into(self, space: memoryview) -> int:
        count = self._file.readinto(space[: self.left])
        if not count:
            raise SourceChanged(str(self._source), want=self._entry.size, got=self._entry.size - self.left)
        self.left -= count
        return count

    def finish(self) -> None:
        """Check that the file ends where its entry says."""
        if self._file.read(1):
            raise SourceChanged(str(self._source), want=self._entry.size, got=os.fstat(self._file.fileno()).st_size)

    def close(self) -> None:
        self._file.close()


def _pieces(entries: Iterable[Entry]) -> Iterator[bytes | _Reading]:
    for entry in entries:
        content = _small_content(entry)
        if content is not None:
            yield b"".join((header(entry), content, bytes(-len(content) % BLOCK)))
            continue
        yield header(entry)
        if entry.kind is Kind.FILE:
            yield from _content(entry)
    yield bytes(2 * BLOCK)


def _small_content(entry: Entry) -> bytes | None:
    """Read the content of a small file; None where it is no such, or not as its entry says."""
    source, size = entry.source, entry.size
    if source is None or size > _SMALL or isinstance(source, bytes):
        return None
    try:
        if not size:
            # One call in place of three finds out whether it is still empty.
            return b"" if not os.stat(source).st_size else None
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        content = os.read(descriptor, size + 1)
    finally:
        os.close(descriptor)
    return content if len(content) == size else None


def _content(entry: Entry) -> Iterator[bytes | _Reading]:
    if isinstance(entry.source, bytes):
        if len(entry.source) != entry.size:
            raise InvalidArchive(
                f"entry says {entry.size} bytes, its content has {len(entry.source)}", member=entry.path
            )
        yield entry.source
    elif entry.source is not None:
        reading = _Reading(entry, entry.source)
        try:
            yield reading
            reading.finish()
        finally:
            reading.close()
    elif entry.size:
        raise InvalidArchive(f"entry says {entry.size} bytes but has no source to read them from", member=entry.path)
    yield bytes(-entry.size % BLOCK)


def header(entry: Entry) -> bytes:
    """Encode the header blocks of *entry*, without its content."""
    name = encode_path(entry.path)
    if entry.kind is Kind.DIRECTORY:
        name = name + b"/" if name else b"./"
    is_plain = entry.kind is Kind.FILE or entry.kind is Kind.DIRECTORY
    if is_plain and not entry.xattrs and len(name) <= _NAME_SIZE and name.isascii():
        uid, gid, size, mtime = entry.uid, entry.gid, entry.size, entry.mtime
        if uid <= _MAX_SHORT and gid <= _MAX_SHORT and size <= _MAX_LONG and 0 <= mtime <= _MAX_LONG:
            flag = _TYPE_FLAGS[entry.kind]
            return _block(flag, name, mode=entry.mode, size=size, uid=uid, gid=gid, mtime=mtime)
    return _full_header(entry, name)


def _full_header(entry: Entry, name: bytes) -> bytes:
    """Encode the header blocks of an entry that may need what only a PAX header can say."""
    link = encode_path(entry.link)
    records: dict[bytes, bytes] = {}

    prefix, short_name = _split_name(name)
    if short_name is None:
        records[b"path"] = name
        prefix, short_name = b"", _ascii(name)[:_NAME_SIZE]
    if len(link) > _NAME_SIZE or not link.isascii():
        records[b"linkpath"] = link
        link = _ascii(link)[:_NAME_SIZE]
    numbers: list[int] = []
    fields = ((b"uid", entry.uid, _MAX_SHORT), (b"gid", entry.gid, _MAX_SHORT))
    for key, value, most in (*fields, (b"size", entry.size, _MAX_LONG), (b"mtime", entry.mtime, _MAX_LONG)):
        if not 0 <= value <= most:
            records[key] = b"%d" % value
        numbers.append(value if 0 <= value <= most else 0)
    for attribute, content in entry.xattrs:
        records[b"SCHILY.xattr." + encode_path(attribute)] = content
    if max(entry.device) > _MAX_SHORT:
        raise InvalidArchive(f"device number {entry.device} is too large for a tar", member=entry.path)

    uid, gid, size, mtime = numbers
    block = _block(
        _TYPE_FLAGS[entry.kind],
        short_name,
        mode=entry.mode,
        size=size,
        uid=uid,
        gid=gid,
        mtime=mtime,
        link=link,
        device=entry.device,
        prefix=prefix,
    )
    return _pax_header(records) + block if records else block


def _split_name(name: bytes) -> tuple[bytes, bytes | None]:
    """Split *name* into ustar's prefix and name; no name where only a PAX record can hold it."""
    if not name.isascii():
        return b"", None
    if len(name) <= _NAME_SIZE:
        return b"", name
    # The '/' between the two is not stored; a directory's last '/' must stay in the name.
    at = name.rfind(b"/", 0, min(_PREFIX_SIZE + 1, len(name) - 1))
    if at <= 0 or len(name) - at - 1 > _NAME_SIZE:
        return b"", None
    return name[:at], name[at + 1 :]


def _ascii(name: bytes) -> bytes:
    """Give what a reader without PAX shows: other bytes as '?'."""
    return name.decode("ascii", "replace").replace("�", "?").encode("ascii")


def _pax_header(records: dict[bytes, bytes]) -> bytes:
    body = b"".join(_record(key, records[key]) for key in sorted(records))
    block = _block(_PAX_HEADER, b"PaxHeaders.0", mode=0o644, size=len(body))
    return block + body + bytes(-len(body) % BLOCK)


def _record(key: bytes, value: bytes) -> bytes:
    # "%d %s=%s\n", where the number counts the whole record, its own digits included.
    rest = len(key) + len(value) + 3
    size = rest + len(str(rest))
    if len(str(size)) > len(str(rest)):
        size = rest + len(str(size))
    return b"%d %s=%s\n" % (size, key, value)


def _block(
    type_flag: bytes,
    name: bytes,
    *,
    mode: int,
    size: int,
    uid: int = 0,
    gid: int = 0,
    mtime: int = 0,
    link: bytes = b"",
    device: tuple[int, int] = (0, 0),
    prefix: bytes = b"",
) -> bytes:
    head = b"%b%07o\0%07o\0%07o\0%011o\0%011o\0" % (name.ljust(_NAME_SIZE, b"\0"), mode, uid, gid, size, mtime)
    tail, tail_sum = _tail(type_flag, link, device, prefix)
    # The checksum counts its own field as eight spaces.
    return head + b"%06o\0 " % (_sum(head) + 8 * 0x20 + tail_sum) + tail


@lru_cache(maxsize=64)
def _tail(type_flag: bytes, link: bytes, device: tuple[int, int], prefix: bytes) -> tuple[bytes, int]:
    """Give what follows the checksum, and the sum of its bytes; of most entries it is the same."""
    numbers = b"%07o\0%07o\0" % device
    tail = type_flag + link.ljust(_NAME_SIZE, b"\0") + b"ustar\00000" + bytes(64) + numbers
    tail += prefix.ljust(_PREFIX_SIZE + 12, b"\0")
    return tail, sum(tail)


def _sum(data: bytes) -> int:
    """Sum at most 256 bytes in C: it is the low half of their Adler-32, less the one that this begins with."""
    return (zlib.adler32(data) & 0xFFFF) - 1
