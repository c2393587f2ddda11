"""Symbol versions: what a program needs of its libraries' versions, and what a library defines.

Source: "ELF Symbol Versioning" (Drepper), Linux Standard Base Core, chapter "Symbol Versioning": ``Elf_Verneed``,
``Elf_Vernaux``, ``Elf_Verdef``, ``Elf_Verdaux``, which are alike in both classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from smidgen.elf.dynamic import dynamic_string
from smidgen.elf.header import ElfFile
from smidgen.errors import InvalidExecutable

_DT_VERDEF: Final = 0x6FFFFFFC
_DT_VERDEFNUM: Final = 0x6FFFFFFD
_DT_VERNEED: Final = 0x6FFFFFFE
_DT_VERNEEDNUM: Final = 0x6FFFFFFF

_FLAG_BASE: Final = 0x1
_FLAG_WEAK: Final = 0x2
# An index has 15 bits, the topmost one says that the symbol is hidden.
INDEX_MASK: Final = 0x7FFF
# glibc defines about 40 versions; what is more than an index can tell apart is none.
_LIMIT: Final = 0x8000


@dataclass(frozen=True, slots=True)
class NeededVersion:
    """A version that is needed of a library.

    Attributes:
        library: The library's name, as in DT_NEEDED.
        version: Such as ``GLIBC_2.34``.
        index: What symbols refer to it by.
        is_weak: The loader only warns where the library does not define it.
    """

    library: str
    version: str
    index: int
    is_weak: bool


@dataclass(frozen=True, slots=True)
class DefinedVersion:
    """A version that a library defines.

    Attributes:
        version: Such as ``GLIBC_2.34``.
        index: What symbols refer to it by.
    """

    version: str
    index: int


def read_needed_versions(elf: ElfFile) -> tuple[NeededVersion, ...]:
    """Read DT_VERNEED; none where there is none.

    Raises:
        InvalidExecutable: It leaves the file, or names strings outside of their table.
    """
    found = []
    for at, (_, count, library, first, _) in _chain(elf, _DT_VERNEED, _DT_VERNEEDNUM, "HHIII", next_at=4):
        name = dynamic_string(elf.image, elf.dynamic.strings, library)
        rows = _rows(elf, at + first, min(count, _LIMIT), Struct(elf.endian + "IHHII"), next_at=4)
        for _, (_, flags, other, version, _) in rows:
            text = dynamic_string(elf.image, elf.dynamic.strings, version)
            found.append(NeededVersion(name, text, other & INDEX_MASK, bool(flags & _FLAG_WEAK)))
            _check_count(len(found), at)
    return tuple(found)


def read_defined_versions(elf: ElfFile) -> tuple[DefinedVersion, ...]:
    """Read DT_VERDEF without the entry that names the library itself; none where there is none.

    Raises:
        InvalidExecutable: It leaves the file, or names strings outside of their table.
    """
    found = []
    for at, (_, flags, index, _, _, first, _) in _chain(elf, _DT_VERDEF, _DT_VERDEFNUM, "HHHHIII", next_at=6):
        if flags & _FLAG_BASE:
            continue
        for _, (version, _) in _rows(elf, at + first, 1, Struct(elf.endian + "II"), next_at=1):
            text = dynamic_string(elf.image, elf.dynamic.strings, version)
            found.append(DefinedVersion(text, index & INDEX_MASK))
            _check_count(len(found), at)
    return tuple(found)


def _check_count(count: int, address: int) -> None:
    if count > _LIMIT:
        raise InvalidExecutable(f"more than {_LIMIT} symbol versions", offset=address)


def _chain(
    elf: ElfFile, tag: int, count_tag: int, layout: str, *, next_at: int
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Give the address and the fields of each row of the table that a tag points to."""
    values = elf.dynamic.values
    if tag not in values:
        return iter(())
    # musl and old linkers do without the count: then the chain's own end counts.
    count = min(values.get(count_tag, _LIMIT), _LIMIT)
    return _rows(elf, values[tag], count, Struct(elf.endian + layout), next_at=next_at)


def _rows(
    elf: ElfFile, address: int, count: int, layout: Struct, *, next_at: int
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Follow a chain of rows; each says how far it is to the next one, which is never back."""
    for _ in range(count):
        fields = layout.unpack(elf.image.read(address, layout.size))
        yield address, fields
        if fields[next_at] == 0:
            return
        address += fields[next_at]
