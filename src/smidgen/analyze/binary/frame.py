"""The frame: what of an executable is the format's own, and the sections that the rest is in.

Source: System V ABI, chapters 4 and 5.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from smidgen.analyze.binary.ledger import Claim
from smidgen.analyze.binary.owners import of_format
from smidgen.elf.header import SHT_NOBITS, SHT_NULL, SHT_SYMTAB, ElfFile
from smidgen.elf.segments import PF_W, PF_X

_ALLOC = 2
_ROW = {32: 32, 64: 56}
_HEAD = {32: 52, 64: 64}
_SECTION_ROW = {32: 40, 64: 64}
# Of the dynamic loader, of the linker, and of unwinding.
_FORMAT_TYPES = {3, 4, 5, 6, 7, 9, 11, 14, 15, 16, 0x6FFFFFF6, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF}
_FORMAT_NAMES = {
    ".go.buildinfo": "build information",
    ".go.fipsinfo": "FIPS 140 information",
    ".interp": "path of the loader",
    ".comment": "compiler's name",
    ".eh_frame": "unwinding",
    ".eh_frame_hdr": "unwinding",
    ".gcc_except_table": "unwinding",
    ".got": "dynamic linking",
    ".got.plt": "dynamic linking",
    ".plt": "dynamic linking",
    ".plt.got": "dynamic linking",
    ".plt.sec": "dynamic linking",
    ".note.gnu.property": "notes",
}
_DYNAMIC = "dynamic linking"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A section as it is in the file, or what is between two.

    Attributes:
        name: As the section's, or in words.
        start: Offset of its first byte.
        end: Of the byte behind it.
        memory: Bytes when it is loaded; 0 for what is not.
        address: Where that is.
        is_code: It is executable.
        is_section: There is a section of that name.
    """

    name: str
    start: int
    end: int
    memory: int
    address: int
    is_code: bool
    is_section: bool


def stretches(elf: ElfFile) -> tuple[Stretch, ...]:
    """Divide the whole file: each byte is in one stretch, in order; what has only memory is among them, empty."""
    found: list[Stretch] = []
    reached = 0
    for one in sorted(_sections(elf) or _segments(elf), key=lambda one: (one.start, one.end)):
        start, end = max(one.start, reached), max(one.end, reached)
        if start > reached:
            found.append(_between(reached, start))
        found.append(Stretch(one.name, start, end, one.memory, one.address, one.is_code, one.is_section))
        reached = end
    if reached < len(elf.data):
        found.append(_between(reached, len(elf.data)))
    return tuple(found)


def _between(start: int, end: int) -> Stretch:
    return Stretch("headers" if start == 0 else "between sections", start, end, 0, 0, is_code=False, is_section=False)


def _sections(elf: ElfFile) -> list[Stretch]:
    size = len(elf.data)
    found = []
    for section in elf.sections:
        if section.type == SHT_NULL:
            continue
        start = min(section.offset, size)
        end = start if section.type == SHT_NOBITS else min(start + section.size, size)
        memory = section.size if section.flags & _ALLOC else 0
        found.append(
            Stretch(section.name, start, end, memory, section.address, bool(section.flags & 4), is_section=True)
        )
    return found


def _segments(elf: ElfFile) -> list[Stretch]:
    """Take the segments for sections, of a file that has no section table."""
    found = []
    for segment in elf.image.loaded:
        end = min(segment.offset + segment.file_size, len(elf.data))
        name = "code" if segment.flags & PF_X else "writable data" if segment.flags & PF_W else "read-only data"
        is_code = bool(segment.flags & PF_X)
        memory = segment.memory_size
        found.append(Stretch(name, min(segment.offset, end), end, memory, segment.address, is_code, is_section=False))
    return found


def frame_claims(elf: ElfFile) -> Iterator[Claim]:
    """Claim headers, tables of sections, and the sections that only the format needs."""
    yield (0, _HEAD[elf.bits], of_format("ELF header"), True)
    width = elf.bits // 8
    order = "little" if elf.endian == "<" else "big"
    at = 28 if elf.bits == 32 else 32
    programs = int.from_bytes(elf.data[at : at + width], "little" if order == "little" else "big")
    table = int.from_bytes(elf.data[at + width : at + 2 * width], "little" if order == "little" else "big")
    yield (programs, programs + len(elf.segments) * _ROW[elf.bits], of_format("program headers"), True)
    if elf.sections:
        end = table + len(elf.sections) * _SECTION_ROW[elf.bits]
        yield (table, end, of_format("section headers"), True)
    names = {section.link for section in elf.sections if section.type == SHT_SYMTAB}
    for index, section in enumerate(elf.sections):
        if section.type in {SHT_NULL, SHT_NOBITS}:
            continue
        what = _FORMAT_NAMES.get(section.name)
        if what is None and section.type in _FORMAT_TYPES and index not in names:
            what = "notes" if section.type == 7 else _DYNAMIC if section.flags & _ALLOC else "names of sections"
        if what is not None:
            yield (section.offset, section.offset + section.size, of_format(what), True)


def is_alignment(elf: ElfFile, start: int, end: int) -> bool:
    """Say whether a gap is nothing but zeros, up to a page of 64 KiB: the room that alignment leaves."""
    return end - start <= 1 << 16 and not elf.data[start:end].strip(b"\0")
