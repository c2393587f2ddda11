"""Go build information: what ``go version -m`` prints.

Source: Go's ``debug/buildinfo`` (layout of the blob) and ``runtime/debug`` (text of the modules).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from smidgen.elf.header import SHT_NOBITS, ElfFile
from smidgen.elf.segments import PF_W, PF_X
from smidgen.errors import InvalidExecutable

_MAGIC: Final = b"\xff Go buildinf:"
_ALIGNMENT: Final = 16
_HEADER_SIZE: Final = 32
_BIG_ENDIAN: Final = 1
_INLINE: Final = 2
# A module takes a line of some 100 bytes, so that this holds about 20,000 of them.
_TEXT_LIMIT: Final = 2 << 20
# The magic can stand in a program by chance or on purpose (the go command looks for it, too).
_CANDIDATE_LIMIT: Final = 1000
# The text stands between two marks of 16 bytes, which the go command writes and searches for.
_FRAME: Final = 16

_ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}


@dataclass(frozen=True, slots=True)
class Module:
    """A Go module that went into a program.

    Attributes:
        path: Module path.
        version: Such as ``v1.2.3`` or ``(devel)``; may be empty.
        sum: ``h1:`` checksum of go.sum; empty for the main module and for local directories.
        replace: What a replace directive put in its place, or None.
    """

    path: str
    version: str = ""
    sum: str = ""
    replace: "Module | None" = None


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """How a Go program was built.

    Attributes:
        go_version: Such as ``go1.26.8``; experiments follow after a space.
        path: Import path of the main package; ``command-line-arguments`` where files were named. May be empty.
        main: The main package's module, or None.
        dependencies: The other modules, in the order of the file.
        settings: Build settings such as ``GOARCH``, ``CGO_ENABLED``, ``vcs.revision``, ``-ldflags``.
    """

    go_version: str
    path: str = ""
    main: Module | None = None
    dependencies: tuple[Module, ...] = ()
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def variant(self) -> str:
        """The platform variant that it was built for, such as ``v3`` (GOAMD64) or ``v7`` (GOARM); empty if none."""
        match self.settings.get("GOARCH"):
            case "amd64":
                level = self.settings.get("GOAMD64", "")
                return "" if level == "v1" else level
            case "arm":
                # GOARM is "5", "6" or "7", since Go 1.22 with ",softfloat" or ",hardfloat" behind it.
                number = self.settings.get("GOARM", "").split(",")[0]
                return f"v{number}" if number else ""
            case _:
                return ""

    @property
    def tags(self) -> tuple[str, ...]:
        """Build tags that were given with ``-tags``."""
        return tuple(tag for tag in re.split(r"[, ]+", self.settings.get("-tags", "")) if tag)

    @property
    def cgo_enabled(self) -> bool | None:
        """Whether cgo was on, or None where it was not recorded."""
        value = self.settings.get("CGO_ENABLED")
        return None if value is None else value == "1"


def read_build_info(elf: ElfFile) -> BuildInfo | None:
    """Read the build information, or give None for a program that has none.

    Raises:
        InvalidExecutable: There is one, and it is damaged.
    """
    offset = _find(elf)
    if offset is None:
        return None
    header = elf.data[offset : offset + _HEADER_SIZE]
    if header[15] & _INLINE:
        limit = min(len(elf.data), offset + _HEADER_SIZE + _TEXT_LIMIT)
        version, after = _inline_string(elf, offset + _HEADER_SIZE, limit)
        text, _ = _inline_string(elf, after, limit)
    else:
        version, text = _pointed_strings(elf, header, offset)
    if not version:
        raise InvalidExecutable("the Go build information names no version", offset=offset)
    # A string without its marks is not a module text: Go's own reader drops it, too.
    framed = len(text) >= 2 * _FRAME + 1 and text[-_FRAME - 1 : -_FRAME] == b"\n"
    body = text[_FRAME:-_FRAME].decode("utf-8", "backslashreplace") if framed else ""
    return _parse(version.decode("utf-8", "backslashreplace"), body, offset)


def _find(elf: ElfFile) -> int | None:
    """Give the offset of the blob in the file, or None."""
    section = elf.section(".go.buildinfo")
    if section is not None and section.type != SHT_NOBITS:
        return _search(elf, section.offset, section.offset + section.size, section.address)
    # Without a section table: the linker puts it near the start of the data, and of
    # read-only-after-relocation data in a position-independent program.
    writable_first = sorted(elf.image.loaded, key=lambda segment: segment.flags & (PF_W | PF_X) != PF_W)
    for segment in writable_first:
        end = min(segment.offset + segment.file_size, len(elf.data))
        if (found := _search(elf, segment.offset, end, segment.address)) is not None:
            return found
    return None


def _search(elf: ElfFile, start: int, end: int, address: int) -> int | None:
    """Find the magic at an address that is a multiple of 16, between two offsets of the file."""
    at = start
    for _ in range(_CANDIDATE_LIMIT):
        at = elf.data.find(_MAGIC, at, end)
        if at < 0 or at + _HEADER_SIZE > end:
            return None
        if (address + at - start) % _ALIGNMENT == 0:
            return at
        at += 1
    return None


def _inline_string(elf: ElfFile, offset: int, limit: int) -> tuple[bytes, int]:
    """Read a string with its length (unsigned LEB128) before it; also give where it ends."""
    length = 0
    for index, byte in enumerate(elf.data[offset : min(offset + 10, limit)]):
        length |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            start = offset + index + 1
            if length > limit - start:
                raise InvalidExecutable(f"a string of {length} bytes in the Go build information", offset=offset)
            return elf.data[start : start + length], start + length
    raise InvalidExecutable("a length without an end in the Go build information", offset=offset)


def _pointed_strings(elf: ElfFile, header: bytes, offset: int) -> tuple[bytes, bytes]:
    """Read version and text as Go 1.17 and older wrote them: pointers to Go string headers."""
    size = header[14]
    if size not in {4, 8}:
        raise InvalidExecutable(f"pointers of {size} bytes in the Go build information", offset=offset + 14)
    order = "big" if header[15] & _BIG_ENDIAN else "little"

    def string(pointer: bytes) -> bytes:
        address = int.from_bytes(pointer, "big" if order == "big" else "little")
        if address == 0:
            return b""
        words = elf.image.read(address, 2 * size)
        start = int.from_bytes(words[:size], "big" if order == "big" else "little")
        length = int.from_bytes(words[size:], "big" if order == "big" else "little")
        if length > _TEXT_LIMIT:
            raise InvalidExecutable(f"a string of {length} bytes in the Go build information", offset=offset)
        return elf.image.read(start, length) if length else b""

    return string(header[16 : 16 + size]), string(header[16 + size : 16 + 2 * size])


def _parse(version: str, text: str, offset: int) -> BuildInfo:
    """Parse the lines ``kind<TAB>fields``; kinds that are not known are from a newer Go, and passed over."""
    path = ""
    main: Module | None = None
    modules: list[Module] = []
    settings: dict[str, str] = {}
    for line in text.split("\n"):
        kind, _, rest = line.partition("\t")
        match kind:
            case "path":
                path = rest
            case "mod":
                main = _module(rest)
            case "dep":
                modules.append(_module(rest))
            case "=>" if modules:
                modules[-1] = _replaced(modules[-1], _module(rest))
            case "=>" if main is not None:
                main = _replaced(main, _module(rest))
            case "build":
                key, value = _setting(rest, offset)
                settings[key] = value
            case _:
                pass
    return BuildInfo(version, path, main, tuple(modules), MappingProxyType(settings))


def _module(fields: str) -> Module:
    """Parse ``path<TAB>version[<TAB>sum]``."""
    path, version, checksum = (*fields.split("\t"), "", "")[:3]
    return Module(path, version, checksum)


def _replaced(module: Module, by: Module) -> Module:
    """Give *module* with what took its place."""
    return Module(module.path, module.version, module.sum, by)


def _setting(text: str, offset: int) -> tuple[str, str]:
    """Parse ``key=value``, either of which is quoted as in Go where it holds spaces, quotes or ``=``."""
    if text[:1] in {'"', "`"}:
        end = _quoted_end(text)
        if end < 0 or text[end : end + 1] != "=":
            raise InvalidExecutable(f"build setting {text[:80]!r} has no end of its key", offset=offset)
        return _unquote(text[:end]), _unquote(text[end + 1 :])
    key, equals, value = text.partition("=")
    if not equals:
        raise InvalidExecutable(f"build setting {text[:80]!r} has no '='", offset=offset)
    return key, _unquote(value)


def _quoted_end(text: str) -> int:
    """Give the index behind a quoted string at the start of *text*, or -1."""
    match = re.match(r'"(?:[^"\\]|\\.)*"|`[^`]*`', text)
    return match.end() if match else -1


def _unquote(text: str) -> str:
    """Undo Go's strconv.Quote; text that is not quoted stays as it is."""
    if len(text) < 2 or text[0] != text[-1] or text[0] not in {'"', "`"}:
        return text
    return text[1:-1] if text[0] == "`" else _ESCAPE.sub(_unescape, text[1:-1])


def _unescape(match: re.Match[str]) -> str:
    """Give the character of one escape sequence."""
    simple, byte, octal, short, long = match.groups()
    if simple:
        return _SIMPLE[simple]
    code = int(octal, 8) if octal else int(byte or short or long, 16)
    # A lone surrogate could not be written out again as UTF-8.
    return chr(code) if code < 0xD800 or 0xDFFF < code <= 0x10FFFF else "\N{REPLACEMENT CHARACTER}"
