"""The fields of a tar header as typed values: octal and base-256 numbers, names, PAX records.

Source: POSIX.1-2017 ``pax``, "ustar Interchange Format" and "pax Extended Header"; GNU tar manual, "Basic Tar Format".
"""

from dataclasses import dataclass
from functools import lru_cache

from smidgen.errors import InvalidArchive
from smidgen.layer.entry import MAX_PATH, decode_path

BLOCK = 512
_USTAR = b"ustar\0"
_GNU = b"ustar  \0"
_CHECKSUM = slice(148, 156)


@dataclass(slots=True)
class Header:
    """One header block, its fields as they stand there."""

    type_flag: bytes
    name: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    link: bytes
    major: int
    minor: int


def parse_header(block: bytes) -> Header:
    """Read a header block of 512 bytes.

    Raises:
        InvalidArchive: Its checksum or a number is wrong.
    """
    _check_sum(block)
    name = _text(block[:100])
    magic = block[257:265]
    if magic[:6] == _USTAR:
        # star's own format has the same magic, a shorter prefix, and times after it.
        prefix = _text(block[345:476] if block[508:] == b"tar\0" else block[345:500])
        if prefix:
            name = prefix + b"/" + name
    has_device = magic[:6] == _USTAR or magic == _GNU
    return Header(
        type_flag=block[156:157],
        name=name,
        mode=parse_number(block[100:108]),
        uid=parse_number(block[108:116]),
        gid=parse_number(block[116:124]),
        size=parse_number(block[124:136]),
        mtime=parse_number(block[136:148]),
        link=_text(block[157:257]),
        major=parse_number(block[329:337]) if has_device else 0,
        minor=parse_number(block[337:345]) if has_device else 0,
    )


def _check_sum(block: bytes) -> None:
    want = parse_number(block[_CHECKSUM])
    # The field itself counts as eight spaces.
    got = sum(block) - sum(block[_CHECKSUM]) + 8 * 0x20
    if got == want:
        return
    # Some old writers summed signed characters: every byte from 128 counts 256 less.
    signed = got - 256 * sum(byte >= 0x80 for byte in block[:148] + block[156:])
    if signed != want:
        raise InvalidArchive(f"header checksum is {got}, the header says {want}", hint="is this a tar at all?")


@lru_cache(maxsize=256)
def parse_number(data: bytes) -> int:
    """Read an octal number, or GNU's base-256 one where the first bit is set; an empty field is 0.

    Raises:
        InvalidArchive: It is neither.
    """
    if data and data[0] & 0x80:
        # Two's complement of all bits but the first.
        value = int.from_bytes(data) & ((1 << (8 * len(data) - 1)) - 1)
        return value - (1 << (8 * len(data) - 1)) if data[0] & 0x40 else value
    digits = data.strip(b" \0").partition(b"\0")[0]
    if not digits:
        return 0
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise InvalidArchive(f"{data!r} is no octal number")
    return int(digits, 8)


def parse_time(value: bytes) -> int:
    """Read a PAX time, such as ``1700000000.25``, as whole seconds, rounded down.

    Raises:
        InvalidArchive: It is no decimal number.
    """
    whole, _, fraction = value.partition(b".")
    digits = whole.removeprefix(b"-")
    if len(value) > 40 or not (digits + fraction).isdigit():
        raise InvalidArchive(f"PAX time {value[:60]!r} is no decimal number")
    seconds = int(digits or b"0")
    if whole.startswith(b"-"):
        return -seconds - 1 if fraction.strip(b"0") else -seconds
    return seconds


def parse_decimal(key: str, value: bytes) -> int:
    """Read a PAX number.

    Raises:
        InvalidArchive: It is no decimal number, or negative.
    """
    if len(value) > 20 or not value.isdigit():
        raise InvalidArchive(f"PAX {key} {value[:60]!r} is no decimal number")
    return int(value)


def parse_records(body: bytes) -> dict[bytes, bytes]:
    r"""Read the records ``"%d %s=%s\n"`` of a PAX header; the last one of a key counts.

    Raises:
        InvalidArchive: A record has not the length it claims, or no key.
    """
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(body):
        space = body.find(b" ", at, at + 9)
        digits = body[at:space]
        # A size is shorter than nine digits as the whole header is bounded far below.
        end = at + int(digits) if space > at and digits.isdigit() else 0
        if not space < end - 2 <= len(body) - 2 or body[end - 1] != 0x0A:
            raise InvalidArchive(f"PAX record at byte {at} has not the length it claims")
        key, equals, value = body[space + 1 : end - 1].partition(b"=")
        if not equals or not key:
            raise InvalidArchive(f"PAX record at byte {at} is not KEY=VALUE")
        records[key] = value
        at = end
    return records


def normalise(path: bytes, *, what: str = "path") -> str:
    """Give *path* as :attr:`Entry.path` has it: ``./a``, ``/a`` and ``a/`` are all ``a``; the root is ``""``.

    Raises:
        InvalidArchive: It has a '..' or a NUL, or is too long.
    """
    if len(path) >= MAX_PATH:
        raise InvalidArchive(
            f"{what} has {len(path)} bytes, the limit is {MAX_PATH - 1}", member=decode_path(path[:80])
        )
    if b"\0" in path:
        raise InvalidArchive(f"{what} has a NUL", member=decode_path(path))
    parts = [part for part in decode_path(path).split("/") if part not in {"", "."}]
    if ".." in parts:
        raise InvalidArchive(
            f"{what} has a '..' component",
            member=decode_path(path),
            hint="it would leave the root: the archive is hostile or badly made",
        )
    return "/".join(parts)


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]
