"""The dynamic section: what a program asks of the dynamic loader, and its relocations.

Source: System V ABI, chapter 5, "Dynamic Section"; ``elf(5)``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from struct import Struct
from types import MappingProxyType
from typing import Final

from smidgen.elf.segments import PT_DYNAMIC, Segment, SegmentMap, read_string
from smidgen.errors import InvalidExecutable

_DT_NULL: Final = 0
_DT_NEEDED: Final = 1
_DT_STRTAB: Final = 5
_DT_RELA: Final = 7
_DT_RELASZ: Final = 8
_DT_STRSZ: Final = 10
_DT_SONAME: Final = 14
_DT_RPATH: Final = 15
_DT_RUNPATH: Final = 29
_DT_FLAGS: Final = 30
_DT_BIND_NOW: Final = 24
_DT_FLAGS_1: Final = 0x6FFFFFFB
_DF_BIND_NOW: Final = 0x8
_DF_1_NOW: Final = 0x1
_DF_1_NODEFLIB: Final = 0x800
_DF_1_PIE: Final = 0x08000000

# Real programs have tens of rows and, at the worst, hundreds of libraries.
_ROW_LIMIT = 4096
_STRING_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Dynamic:
    """The dynamic section's rows that matter here.

    Attributes:
        needed: Names of libraries (DT_NEEDED), in order.
        soname: A library's own name, or None.
        rpath: Where to look for libraries before LD_LIBRARY_PATH, or None.
        runpath: Where to look for them after it, or None.
        is_pie: The linker marked it as a position-independent program (DF_1_PIE).
        relocations: Address and size in bytes of the table of relocations with addends, both 0 where there is none.
        values: Each tag that is there with its first value.
        strings: Where in the file its strings start and end, both 0 where there are none.
    """

    needed: tuple[str, ...] = ()
    soname: str | None = None
    rpath: str | None = None
    runpath: str | None = None
    is_pie: bool = False
    relocations: tuple[int, int] = (0, 0)
    values: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    strings: tuple[int, int] = (0, 0)

    @property
    def binds_now(self) -> bool:
        """All symbols are looked up when it is loaded, rather than when they are first used."""
        flags = self.values.get(_DT_FLAGS, 0) & _DF_BIND_NOW or self.values.get(_DT_FLAGS_1, 0) & _DF_1_NOW
        return bool(flags) or _DT_BIND_NOW in self.values

    @property
    def skips_default_directories(self) -> bool:
        """Its libraries are not sought in the loader's own directories (``-z nodefaultlib``)."""
        return bool(self.values.get(_DT_FLAGS_1, 0) & _DF_1_NODEFLIB)


EMPTY: Final = Dynamic()


def read_dynamic(image: SegmentMap) -> Dynamic:
    """Read PT_DYNAMIC; an executable without one gives an empty value.

    Raises:
        InvalidExecutable: It lies outside of the file, has no end, or names strings outside of their table.
    """
    segment = next((segment for segment in image.segments if segment.type == PT_DYNAMIC), None)
    if segment is None:
        return EMPTY
    rows = _read_rows(image, segment)
    single = dict(reversed(rows))
    strings = _strings_region(image, single)

    def text(offset: int) -> str:
        return dynamic_string(image, strings, offset)

    return Dynamic(
        needed=tuple(text(value) for tag, value in rows if tag == _DT_NEEDED),
        soname=text(single[_DT_SONAME]) if _DT_SONAME in single else None,
        rpath=text(single[_DT_RPATH]) if _DT_RPATH in single else None,
        runpath=text(single[_DT_RUNPATH]) if _DT_RUNPATH in single else None,
        is_pie=bool(single.get(_DT_FLAGS_1, 0) & _DF_1_PIE),
        relocations=(single.get(_DT_RELA, 0), single.get(_DT_RELASZ, 0)),
        values=MappingProxyType(single),
        strings=strings,
    )


def dynamic_string(image: SegmentMap, strings: tuple[int, int], offset: int) -> str:
    """Give the string at *offset* of the dynamic section's strings.

    Raises:
        InvalidExecutable: It lies outside of them, or has no end.
    """
    return read_string(
        image.data, strings[0] + offset, strings[1], limit=_STRING_LIMIT, what="string of the dynamic section"
    )


def _read_rows(image: SegmentMap, segment: Segment) -> list[tuple[int, int]]:
    """Read the (tag, value) rows up to the DT_NULL that ends them."""
    layout = Struct(image.endian + ("II" if image.bits == 32 else "QQ"))
    size = segment.file_size - segment.file_size % layout.size
    if segment.offset + size > len(image.data):
        raise InvalidExecutable(
            f"the dynamic section ends at byte {segment.offset + size}, the file has {len(image.data)}",
            offset=segment.offset,
        )
    table = image.data[segment.offset : segment.offset + min(size, _ROW_LIMIT * layout.size)]
    rows: list[tuple[int, int]] = []
    for tag, value in layout.iter_unpack(table):
        if tag == _DT_NULL:
            return rows
        rows.append((tag, value))
    if size > len(table):
        raise InvalidExecutable(f"a dynamic section of more than {_ROW_LIMIT} rows", offset=segment.offset)
    return rows


def _strings_region(image: SegmentMap, single: dict[int, int]) -> tuple[int, int]:
    """Give start and end of the dynamic section's strings in the file; both 0 where there are none."""
    extent = image.extent(single[_DT_STRTAB]) if _DT_STRTAB in single else None
    if extent is None:
        return 0, 0
    start, end = extent
    return start, min(end, start + single.get(_DT_STRSZ, 0))
