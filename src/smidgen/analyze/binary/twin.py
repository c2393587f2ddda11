"""The twin: the same program, linked with its symbols, that names the data of the stripped one for certain.

The linker lays both out alike, byte by byte; only the notes with the build's identity differ.
"""

from mmap import mmap

from smidgen.elf.header import SHT_NOBITS, ElfFile, Section, parse_elf
from smidgen.errors import UsageError

_ALLOC = 2
_NOTE = 7


def read_twin(elf: ElfFile, data: bytes | mmap) -> ElfFile:
    """Read a twin and compare it with *elf*.

    Raises:
        UsageError: It is another program, or has no symbols either.
        InvalidExecutable: It is no executable, or a damaged one.
    """
    twin = parse_elf(data)
    hint = "link the same source with the same flags and `-ldflags=-w`, or let smidgen do it: --twin TARGET"
    if not twin.has_symtab:
        raise UsageError("the twin has no symbol table either", hint=hint)
    for section in elf.sections:
        if section.flags & _ALLOC and section.type not in {SHT_NOBITS, _NOTE}:
            other = twin.section(section.name)
            if other is None or not _is_same(elf, section, twin, other):
                raise UsageError(f"the twin is another program: its section {section.name} differs", hint=hint)
    return twin


def _is_same(elf: ElfFile, section: Section, twin: ElfFile, other: Section) -> bool:
    if (section.address, section.size) != (other.address, other.size) or other.type == SHT_NOBITS:
        return False
    ours = elf.data[section.offset : section.offset + section.size]
    return ours == twin.data[other.offset : other.offset + other.size]
