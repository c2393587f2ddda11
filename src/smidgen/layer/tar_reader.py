"""A streaming reader of tar archives that nobody vouches for.

It reads v7, ustar, PAX (local and global headers) and GNU archives (long names, base-256 numbers), forwards only,
in bounded memory. Where formats leave a choice it does what Go's archive/tar does, since that is what unpacks
images elsewhere: a link, directory or device has no content whatever its size field says, a PAX size beats the
header's, a GNU long name beats a PAX path, and the archive may end without its zero blocks.

Source: POSIX.1-2017 ``pax``; GNU tar manual, "Basic Tar Format"; Go's ``archive/tar/reader.go`` for the choices.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from smidgen.errors import InvalidArchive, LimitExceeded
from smidgen.layer.entry import Entry, Kind, decode_path
from smidgen.layer.tar_fields import (
    BLOCK,
    Header,
    normalise,
    parse_decimal,
    parse_header,
    parse_records,
    parse_time,
)

_PIECE = 1 << 20
# The largest user id that is one: to chown, -1 means "leave it".
_MAX_OWNER = 0xFFFFFFFE
# Far beyond any date, within what the kernel takes as seconds.
_MAX_TIME = 1 << 48
# Linux packs a device into 12 bits of major and 20 bits of minor number.
_MAX_MAJOR = (1 << 12) - 1
_MAX_MINOR = (1 << 20) - 1

_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"1": Kind.HARDLINK,
    b"2": Kind.SYMLINK,
    b"3": Kind.CHARACTER_DEVICE,
    b"4": Kind.BLOCK_DEVICE,
    b"5": Kind.DIRECTORY,
    b"6": Kind.FIFO,
}
_DEVICES = {Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE}
_XATTR = b"SCHILY.xattr."


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is refused as too much, so that a small archive cannot fill this machine.

    Attributes:
        entries: Headers, those of PAX and GNU that go before a member included.
        size: Bytes of all contents together.
        header: Bytes of one PAX header, or of the global ones together.
    """

    entries: int = 5_000_000
    size: int = 128 << 30
    header: int = 1 << 20


DEFAULT_LIMITS = Limits()


class Member:
    """An entry of an archive, and its content while the archive stands there.

    Attributes:
        entry: What it is; its source is None.
    """

    __slots__ = ("_left", "_padding", "_stream", "entry")

    def __init__(self, entry: Entry, stream: BinaryIO) -> None:
        self.entry = entry
        self._stream: BinaryIO | None = stream
        self._left = entry.size
        self._padding = -entry.size % BLOCK

    def read(self, size: int = -1) -> bytes:
        """Read *size* bytes of the content, or all that is left where that is less or *size* is negative.

        Raises:
            InvalidArchive: The archive ends within the content.
            ValueError: The reader has gone on to the next member.
        """
        if self._stream is None:
            raise ValueError(f"{self.entry.path!r} is read after the archive went on")
        size = self._left if size < 0 else min(size, self._left)
        data = self._piece(min(size, _PIECE))
        if len(data) == size:
            return data
        # What a header claims is not trusted with memory: this grows with what is there.
        pieces = bytearray(data)
        while len(pieces) < size:
            pieces += self._piece(min(_PIECE, size - len(pieces)))
        return bytes(pieces)

    def finish(self) -> None:
        """Go past the content; nothing can be read after it."""
        while self._left:
            self._piece(min(_PIECE, self._left))
        if self._stream is not None and self._padding:
            # Padding that is cut off loses nothing.
            _read_up_to(self._stream, self._padding)
        self._stream = None

    def _piece(self, size: int) -> bytes:
        if not size or self._stream is None:
            return b""
        data = self._stream.read(size)
        if not data:
            raise InvalidArchive(f"the archive ends {self._left} bytes before the content does", member=self.entry.path)
        self._left -= len(data)
        return data


def read_tar(stream: BinaryIO, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[Member]:
    """Read the members of an uncompressed tar in their order; going on skips what was not read.

    Paths come out normalised (``./a``, ``/a`` and ``a/`` are ``a``; the root directory is ``""``). What follows the
    end of the archive is left unread.

    Raises:
        InvalidArchive: The archive is damaged, of a kind that images do not have, or has a path with '..'.
        LimitExceeded: It is more than *limits* allow.
    """
    reader = _Reader(stream, limits)
    while (entry := reader.next_entry()) is not None:
        member = Member(entry, stream)
        yield member
        member.finish()


@dataclass(slots=True)
class _Extra:
    """What the headers before a member say of it."""

    records: dict[bytes, bytes] = field(default_factory=dict)
    long_name: bytes = b""
    long_link: bytes = b""
    is_there: bool = False


class _Reader:
    def __init__(self, stream: BinaryIO, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._headers = 0
        self._size = 0
        self._globals: dict[bytes, bytes] = {}

    def next_entry(self) -> Entry | None:
        """Read headers up to that of the next member; None at the end of the archive."""
        extra = _Extra()
        while (header := self._next_header()) is not None:
            if header.type_flag in b"xXgLK" and header.type_flag:
                self._extend(extra, header)
                continue
            entry = self._entry(header, extra)
            self._size += entry.size
            if self._size > self._limits.size:
                raise LimitExceeded("content of the archive in bytes", limit=self._limits.size, got=self._size)
            return entry
        if extra.is_there:
            raise InvalidArchive("the archive ends between an extended header and its member")
        return None

    def _next_header(self) -> Header | None:
        block = _read_up_to(self._stream, BLOCK)
        if not block:
            return None
        if len(block) < BLOCK:
            raise InvalidArchive(f"the archive ends within a header, after {len(block)} of {BLOCK} bytes")
        if block.count(0) == BLOCK:
            second = _read_up_to(self._stream, BLOCK)
            if second.strip(b"\0"):
                raise InvalidArchive("one zero block, then something else: the archive is damaged or two were joined")
            return None
        self._headers += 1
        if self._headers > self._limits.entries:
            raise LimitExceeded("number of entries in the archive", limit=self._limits.entries)
        return parse_header(block)

    def _extend(self, extra: _Extra, header: Header) -> None:
        body = self._body(header)
        match header.type_flag:
            case b"g":
                self._extend_globals(parse_records(body))
                return
            case b"L":
                extra.long_name = body.partition(b"\0")[0]
            case b"K":
                extra.long_link = body.partition(b"\0")[0]
            case _:
                extra.records = parse_records(body)
        extra.is_there = True

    def _body(self, header: Header) -> bytes:
        """Read the content of a header that goes before a member."""
        if not 0 <= header.size <= self._limits.header:
            raise LimitExceeded("extended header in bytes", limit=self._limits.header, got=header.size)
        padded = header.size + -header.size % BLOCK
        body = _read_up_to(self._stream, padded)
        if len(body) < padded:
            raise InvalidArchive(f"the archive ends within an extended header of {header.size} bytes")
        return body[: header.size]

    def _extend_globals(self, records: dict[bytes, bytes]) -> None:
        for key in (b"path", b"linkpath", b"size"):
            if records.get(key):
                raise InvalidArchive(f"a global header sets {key.decode()} for every member")
        self._globals.update(records)
        # Several are allowed, so that together they could be of any size.
        total = sum(len(key) + len(value) for key, value in self._globals.items())
        if total > self._limits.header:
            raise LimitExceeded("global headers in bytes", limit=self._limits.header, got=total)

    def _entry(self, header: Header, extra: _Extra) -> Entry:
        records = self._globals | extra.records if self._globals else extra.records
        name = extra.long_name or records.get(b"path") or header.name
        kind = _kind(header, name, records)
        link = extra.long_link or records.get(b"linkpath") or header.link
        path = normalise(name)
        if not path and kind is not Kind.DIRECTORY:
            raise InvalidArchive(f"a {kind} has no name, or that of the root", member=decode_path(name))
        return Entry(
            path=path,
            kind=kind,
            # Some writers put the file's type above the permission bits.
            mode=header.mode & 0o7777,
            uid=_number(path, "uid", records, header.uid, _MAX_OWNER),
            gid=_number(path, "gid", records, header.gid, _MAX_OWNER),
            mtime=_time(path, records, header.mtime),
            link=_link(path, kind, link),
            size=_number(path, "size", records, header.size, self._limits.size) if kind is Kind.FILE else 0,
            xattrs=_xattrs(path, records),
            device=_device(path, header) if kind in _DEVICES else (0, 0),
        )


def _kind(header: Header, name: bytes, records: dict[bytes, bytes]) -> Kind:
    kind = _KINDS.get(header.type_flag)
    sparse = header.type_flag == b"S" or any(key.startswith(b"GNU.sparse.") for key in records)
    if sparse:
        raise InvalidArchive("a sparse file", member=decode_path(name), hint="write the archive without --sparse")
    if kind is None:
        raise InvalidArchive(f"unknown member type {header.type_flag!r}", member=decode_path(name))
    # Before ustar a directory was a file whose name ends in '/'.
    return Kind.DIRECTORY if kind is Kind.FILE and name.endswith(b"/") else kind


def _link(path: str, kind: Kind, link: bytes) -> str:
    if kind is Kind.HARDLINK:
        target = normalise(link, what="hard link target")
        if not target:
            raise InvalidArchive("a hard link to nothing, or to the root", member=path)
        return target
    return decode_path(link) if kind is Kind.SYMLINK else ""


def _number(path: str, key: str, records: dict[bytes, bytes], field_value: int, most: int) -> int:
    record = records.get(key.encode())
    value = parse_decimal(key, record) if record else field_value
    if value < 0:
        raise InvalidArchive(f"{key} {value} is negative", member=path)
    if value > most:
        raise LimitExceeded(f"{key} of {path!r}", limit=most, got=value)
    return value


def _time(path: str, records: dict[bytes, bytes], field_value: int) -> int:
    record = records.get(b"mtime")
    value = parse_time(record) if record else field_value
    if abs(value) > _MAX_TIME:
        raise InvalidArchive(f"modification time {value} is no date", member=path)
    return value


def _xattrs(path: str, records: dict[bytes, bytes]) -> tuple[tuple[str, bytes], ...]:
    found = ((decode_path(key[len(_XATTR) :]), value) for key, value in records.items() if key.startswith(_XATTR))
    xattrs = tuple(sorted(found))
    if any(not name or "\0" in name for name, _ in xattrs):
        raise InvalidArchive("an extended attribute's name is empty or has a NUL", member=path)
    return xattrs


def _device(path: str, header: Header) -> tuple[int, int]:
    if not (0 <= header.major <= _MAX_MAJOR and 0 <= header.minor <= _MAX_MINOR):
        raise InvalidArchive(f"device number {header.major}:{header.minor} is out of range", member=path)
    return header.major, header.minor


def _read_up_to(stream: BinaryIO, size: int) -> bytes:
    """Read *size* bytes, fewer only at the end of the stream; a single read may always give less."""
    data = stream.read(size)
    if len(data) == size or not data:
        return data
    pieces = bytearray(data)
    while len(pieces) < size and (data := stream.read(size - len(pieces))):
        pieces += data
    return bytes(pieces)
