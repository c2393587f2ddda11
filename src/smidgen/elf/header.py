"""ELF headers: what an executable is made for, and what it needs to start.

Source: System V ABI, chapters 4 and 5 (object files, program loading); ``elf(5)``. Where the two leave a choice, the
Linux kernel's loader (``fs/binfmt_elf.c``) decides, as it is the one that starts the program.

Nothing here does I/O, and nothing trusts a count, an offset or a length of the file: each is checked against the
bytes that are there before it is used.
"""

from dataclasses import dataclass
from mmap import mmap
from struct import Struct
from typing import Final, Literal

from smidgen.elf.dynamic import EMPTY, Dynamic, read_dynamic
from smidgen.elf.machine import goarch
from smidgen.elf.segments import PAGE, PT_INTERP, PT_LOAD, Segment, SegmentMap, read_string
from smidgen.errors import InvalidExecutable

ET_EXEC: Final = 2
ET_DYN: Final = 3

SHT_NULL: Final = 0
SHT_SYMTAB: Final = 2
SHT_NOBITS: Final = 8

_TYPES = {0: "of no type", 1: "an object file (.o)", 4: "a core dump"}
_PN_XNUM = 0xFFFF
_SHN_XINDEX = 0xFFFF
# The kernel's own bound on the program header table, in bytes: a longer one cannot be started.
_SEGMENT_TABLE_LIMIT = 65536
_SECTION_LIMIT = 16384
_SECTION_NAME_LIMIT = 1024

_HEADER = {32: "HHIIIIIHHHHHH", 64: "HHIQQQIHHHHHH"}
_SEGMENT = {32: "IIIIIIII", 64: "IIQQQQQQ"}
_SECTION = {32: "IIIIIIIIII", 64: "IIQQQQIIQQ"}


@dataclass(frozen=True, slots=True)
class Section:
    """One row of the section header table.

    Attributes:
        name: From the section name table; empty where there is none.
        type: ``SHT_*``.
        flags: ``SHF_*`` bits.
        address: Where it is in memory, 0 where it is not loaded.
        offset: Where it is in the file, in bytes.
        size: In bytes; takes no room in the file where the type is SHT_NOBITS.
        link: Index of a related section.
        info: Meaning depends on the type.
    """

    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int


@dataclass(frozen=True, slots=True, eq=False)
class ElfFile:
    """An ELF executable, its tables parsed and checked.

    Attributes:
        data: The whole file. A memory map must stay open as long as this value is used.
        bits: 32 or 64.
        endian: ``<`` or ``>``, as in the struct module.
        os_abi: ``EI_OSABI``: 0 and 3 are what Linux programs have.
        machine: ``EM_*``.
        type: ET_EXEC or ET_DYN.
        entry: Address of the first instruction.
        flags: ``e_flags``; meaning depends on the machine.
        segments: What is loaded.
        sections: Empty where the table was stripped.
        interpreter: The dynamic loader that the kernel must find (PT_INTERP), or None.
        dynamic: What PT_DYNAMIC says.
        image: Reads by address.
    """

    data: bytes | mmap
    bits: Literal[32, 64]
    endian: Literal["<", ">"]
    os_abi: int
    machine: int
    type: int
    entry: int
    flags: int
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...]
    interpreter: str | None
    dynamic: Dynamic
    image: SegmentMap

    @property
    def architecture(self) -> str | None:
        """The machine as GOARCH names it, such as ``arm64``, or None where Go has no port."""
        return goarch(self.machine, self.bits, self.endian)

    @property
    def needed(self) -> tuple[str, ...]:
        """Shared libraries that the loader must find (DT_NEEDED), in order."""
        return self.dynamic.needed

    @property
    def is_static(self) -> bool:
        """It starts with no loader and no library beside it."""
        return self.interpreter is None and not self.needed

    @property
    def is_pie(self) -> bool:
        """It can be loaded at any address, and is a program rather than a library."""
        if self.type != ET_DYN:
            return False
        is_program = self.dynamic.is_pie or self.interpreter is not None
        return is_program or (self.entry != 0 and self.dynamic.soname is None)

    @property
    def has_symtab(self) -> bool:
        """It has the symbol table that linkers write for debuggers (``-s`` leaves it out)."""
        return any(section.type == SHT_SYMTAB and section.size for section in self.sections)

    @property
    def has_dwarf(self) -> bool:
        """It has debugging information (``-w`` leaves it out)."""
        return any(section.name in {".debug_info", ".zdebug_info"} and section.size for section in self.sections)

    @property
    def is_upx_packed(self) -> bool:
        """It was packed by UPX: the program proper is compressed, so that its tables cannot be read."""
        # UPX drops the section table and writes its mark once behind the program headers, once at the end.
        if self.sections:
            return False
        return b"UPX!" in self.data[:1024] or b"UPX!" in self.data[-64:]

    def section(self, name: str) -> Section | None:
        """Give the first section of that name, or None."""
        return next((section for section in self.sections if section.name == name), None)


@dataclass(frozen=True, slots=True)
class _Head:
    """The fields of the file header that lead on."""

    bits: Literal[32, 64]
    endian: Literal["<", ">"]
    type: int
    machine: int
    entry: int
    flags: int
    phoff: int
    phentsize: int
    phnum: int
    shoff: int
    shentsize: int
    shnum: int
    shstrndx: int


def parse_elf(data: bytes | mmap | memoryview) -> ElfFile:
    """Parse the headers of an executable.

    Args:
        data: The whole file; a memory map is read in place, any other memoryview is copied.

    Raises:
        InvalidExecutable: It is no ELF executable, is cut short, or contradicts itself.
    """
    whole = _indexable(data)
    head = _read_head(whole)
    sections = _read_sections(whole, head)
    segments = _read_segments(whole, head)
    image = SegmentMap(data=whole, bits=head.bits, endian=head.endian, segments=segments)
    return ElfFile(
        data=whole,
        bits=head.bits,
        endian=head.endian,
        os_abi=whole[7],
        machine=head.machine,
        type=head.type,
        entry=head.entry,
        flags=head.flags,
        segments=segments,
        sections=sections,
        interpreter=_read_interpreter(whole, segments),
        dynamic=read_dynamic(image) if segments else EMPTY,
        image=image,
    )


def _indexable(data: bytes | mmap | memoryview) -> bytes | mmap:
    """Give an object that has ``find`` and whose slices are bytes."""
    if not isinstance(data, memoryview):
        return data
    owner = data.obj
    if isinstance(owner, bytes | mmap) and data.c_contiguous and data.nbytes == len(owner):
        return owner
    return bytes(data)


def _read_head(data: bytes | mmap) -> _Head:
    """Read the file header."""
    size = len(data)
    if data[:4] != b"\x7fELF":
        raise InvalidExecutable(
            f"the file starts with {data[:4]!r}, expected b'\\x7fELF'",
            offset=0,
            hint="expected a Linux executable (ELF), not a script, an archive or another system's program",
        )
    bits: Literal[32, 64] = 32 if data[4:5] == b"\x01" else 64
    endian: Literal["<", ">"] = "<" if data[5:6] == b"\x01" else ">"
    layout = Struct(endian + _HEADER[bits])
    if size < 16 + layout.size:
        raise InvalidExecutable(f"the file has {size} bytes, expected at least {16 + layout.size}", offset=0)
    if data[4] not in {1, 2} or data[5] not in {1, 2}:
        raise InvalidExecutable(f"class {data[4]} and byte order {data[5]}, expected 1 or 2 each", offset=4)
    kind, machine, _, entry, phoff, shoff, flags, _, phentsize, phnum, shentsize, shnum, shstrndx = layout.unpack_from(
        data, 16
    )
    if kind not in {ET_EXEC, ET_DYN}:
        raise InvalidExecutable(f"the file is {_TYPES.get(kind, f'of type {kind}')}, expected a program", offset=16)
    return _Head(bits, endian, kind, machine, entry, flags, phoff, phentsize, phnum, shoff, shentsize, shnum, shstrndx)


def _read_segments(data: bytes | mmap, head: _Head) -> tuple[Segment, ...]:
    """Read the program header table."""
    layout = Struct(head.endian + _SEGMENT[head.bits])
    count = head.phnum
    if count == _PN_XNUM or count * layout.size > _SEGMENT_TABLE_LIMIT:
        raise InvalidExecutable(
            f"{count} program headers, Linux starts at most {_SEGMENT_TABLE_LIMIT // layout.size}", offset=head.phoff
        )
    if count == 0:
        raise InvalidExecutable("no program header, so nothing to load", offset=0)
    if head.phentsize != layout.size:
        raise InvalidExecutable(f"program headers of {head.phentsize} bytes, expected {layout.size}", offset=head.phoff)
    table = _table(data, head.phoff, count * layout.size, "program header table")
    segments = []
    for index, row in enumerate(layout.iter_unpack(table)):
        segment = _segment(row, head.bits)
        _check_segment(segment, data, head, head.phoff + index * layout.size)
        segments.append(segment)
    return tuple(segments)


def _segment(row: tuple[int, ...], bits: int) -> Segment:
    """Put a program header's fields, which the two classes order differently, in one order."""
    if bits == 32:
        kind, offset, address, _, file_size, memory_size, flags, align = row
    else:
        kind, flags, offset, address, _, file_size, memory_size, align = row
    return Segment(kind, flags, offset, address, file_size, memory_size, align)


def _check_segment(segment: Segment, data: bytes | mmap, head: _Head, where: int) -> None:
    """Refuse a loaded segment that the file does not hold."""
    if segment.type != PT_LOAD:
        return
    # The kernel maps whole pages, and the rest of a file's last page reads as zeros: hand-made programs use that.
    end_of_pages = -(-len(data) // PAGE) * PAGE
    if segment.offset + segment.file_size > end_of_pages:
        raise InvalidExecutable(
            f"a segment ends at byte {segment.offset + segment.file_size}, the file has {len(data)}",
            offset=where,
            hint="the file was probably cut short: build or fetch it again",
        )
    if segment.file_size > segment.memory_size:
        raise InvalidExecutable(
            f"a segment has {segment.file_size} bytes in the file but {segment.memory_size} in memory", offset=where
        )
    if segment.address + segment.memory_size > 1 << head.bits:
        raise InvalidExecutable("a segment ends above the last address", offset=where)


def _table(data: bytes | mmap, offset: int, size: int, what: str) -> bytes:
    """Give *size* bytes at *offset* of the file, all of them."""
    if offset + size > len(data):
        raise InvalidExecutable(
            f"the {what} ends at byte {offset + size}, the file has {len(data)}",
            offset=offset,
            hint="the file was probably cut short: build or fetch it again",
        )
    return data[offset : offset + size]


def _read_interpreter(data: bytes | mmap, segments: tuple[Segment, ...]) -> str | None:
    """Read the path in PT_INTERP."""
    for segment in segments:
        if segment.type == PT_INTERP:
            # PATH_MAX is the kernel's bound as well.
            if not 2 <= segment.file_size <= 4096:
                raise InvalidExecutable(f"a loader's path of {segment.file_size} bytes", offset=segment.offset)
            path = _table(data, segment.offset, segment.file_size, "loader's path")
            return path.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
    return None


def _read_sections(data: bytes | mmap, head: _Head) -> tuple[Section, ...]:
    """Read the section header table; none is not a fault, as the kernel does not look at it."""
    layout = Struct(head.endian + _SECTION[head.bits])
    # Headers made by hand lay other things over these fields; the entry size tells.
    if head.shoff == 0 or head.shentsize != layout.size:
        return ()
    first = layout.unpack(_table(data, head.shoff, layout.size, "section header table"))
    # Counts that do not fit the header are in the first row (System V ABI, "Extended section numbering").
    count = head.shnum or first[5]
    name_index = first[6] if head.shstrndx == _SHN_XINDEX else head.shstrndx
    if count > _SECTION_LIMIT:
        raise InvalidExecutable(f"{count} sections, the limit is {_SECTION_LIMIT}", offset=head.shoff)
    rows = list(layout.iter_unpack(_table(data, head.shoff, count * layout.size, "section header table")))
    if name_index >= max(count, 1):
        raise InvalidExecutable(f"names in section {name_index} of {count}", offset=head.shoff)
    for index, row in enumerate(rows):
        if row[1] not in {SHT_NULL, SHT_NOBITS} and row[4] + row[5] > len(data):
            raise InvalidExecutable(
                f"section {index} ends at byte {row[4] + row[5]}, the file has {len(data)}",
                offset=head.shoff + index * layout.size,
                hint="the file was probably cut short: build or fetch it again",
            )
    names = _names_region(rows, name_index)
    return tuple(Section(_section_name(data, names, row[0]), *row[1:8]) for row in rows)


def _names_region(rows: list[tuple[int, ...]], index: int) -> tuple[int, int]:
    """Give start and end of the section names in the file; both 0 where there are none."""
    if not rows or index == 0 or rows[index][1] in {SHT_NULL, SHT_NOBITS}:
        return 0, 0
    return rows[index][4], rows[index][4] + rows[index][5]


def _section_name(data: bytes | mmap, region: tuple[int, int], offset: int) -> str:
    """Read one section's name."""
    start, end = region
    if end == 0:
        return ""
    return read_string(data, start + offset, end, limit=_SECTION_NAME_LIMIT, what="section name")
