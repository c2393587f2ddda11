"""Names of libraries among the texts of a program: what it may load by itself (dlopen).

A name that stands alone, with a zero byte on both sides, is most likely given to ``dlopen`` as it is. One within
other text may be a part of a message, or of a language that writes no zero bytes.
"""

import re
from dataclasses import dataclass
from typing import Final

from smidgen.elf.header import ElfFile
from smidgen.elf.segments import PF_X, PT_LOAD, Segment

# From the ending on, which a search finds fast; what stands before it is looked for from there.
_ENDING: Final = re.compile(rb"\.so(?:\.[0-9]{1,12}){0,4}(?![A-Za-z0-9_.%+\-])")
_START: Final = re.compile(rb"(?:/[A-Za-z0-9_.+\-/]{0,500}/)?lib[A-Za-z0-9_+\-][A-Za-z0-9_.+\-]{0,200}\Z")
_LONGEST: Final = 700
_LIMIT: Final = 1000
# The same ending can stand in a hostile file everywhere.
_HIT_LIMIT: Final = 100_000


@dataclass(frozen=True, slots=True)
class LibraryName:
    """The name of a library, or a path of one.

    Attributes:
        name: Such as ``libssl.so.3``, or absolute.
        stands_alone: It is a whole text.
    """

    name: str
    stands_alone: bool


def read_library_names(elf: ElfFile) -> tuple[LibraryName, ...]:
    """Give the names of libraries in the data that is loaded, each once, in the order in which they stand there.

    What the dynamic section itself names is none of them: its strings are left out.
    """
    found: dict[str, bool] = {}
    for segment in elf.segments:
        # Old linkers put read-only data into the segment of the code, which begins with the file then.
        if segment.type == PT_LOAD and not (segment.flags & PF_X and segment.offset):
            _scan(elf, segment, found)
    return tuple(LibraryName(name, alone) for name, alone in found.items())


def _scan(elf: ElfFile, segment: Segment, found: dict[str, bool]) -> None:
    data = elf.data
    own_start, own_end = elf.dynamic.strings
    end = min(segment.offset + segment.file_size, len(data))
    for _, ending in zip(range(_HIT_LIMIT), _ENDING.finditer(data, segment.offset, end), strict=False):
        if own_start <= ending.start() < own_end:
            continue
        before = data[max(segment.offset, ending.start() - _LONGEST) : ending.start()]
        # Whatever stands before the last zero byte is another text.
        begin = _START.search(before, before.rfind(b"\0") + 1)
        if begin is None:
            continue
        alone = data[ending.end() : ending.end() + 1] == b"\0" and before[: begin.start()][-1:] in {b"", b"\0"}
        name = (begin[0] + ending[0]).decode()
        found[name] = found.get(name, False) or alone
        if len(found) >= _LIMIT:
            return
