"""Constants that say themselves whose they are: values of functions, tables of jumps, and what the linker puts in.

Source: Go's ``cmd/compile/internal/staticdata`` (``FuncLinksym``), ``cmd/compile/internal/ssagen`` (jump tables),
``cmd/go/internal/modload/build.go`` (``ModInfoData``: the marks around the modules), ``runtime/iface.go``
(``staticuint64s``).
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final

from smidgen.analyze.binary.frame import Stretch
from smidgen.analyze.binary.functions import Functions
from smidgen.analyze.binary.ledger import Claim
from smidgen.analyze.binary.owners import of_format, of_package
from smidgen.analyze.binary.words import relocated_words, relocations
from smidgen.analyze.explained import PartKind
from smidgen.elf.header import ElfFile

_MODULES: Final = bytes.fromhex("3077af0c9274080241e1c107e6d618e6")
_MODULES_END: Final = bytes.fromhex("f932433186182072008242104116d8f2")
_MODULES_LIMIT: Final = 4 << 20
_SMALL_INTEGERS: Final = array("Q", range(256))


def constant_claims(elf: ElfFile, functions: Functions, parts: Iterable[Stretch]) -> Iterator[Claim]:
    """Claim the constants of a program of 64 bits, little end first, that are known by what is in them.

    Raises:
        InvalidExecutable: The function table is damaged.
    """
    if elf.bits != 64 or elf.endian != "<":
        return
    loaded = relocations(elf)
    for part in parts:
        if part.memory and (part.name.startswith((".rodata", ".data.rel.ro")) or part.name == "read-only data"):
            yield from _of_linker(elf, part)
            yield from _of_functions(elf, functions, part, loaded)


def _of_linker(elf: ElfFile, part: Stretch) -> Iterator[Claim]:
    at = elf.data.find(_MODULES, part.start, part.end)
    if at >= 0:
        end = elf.data.find(_MODULES_END, at, min(part.end, at + _MODULES_LIMIT))
        if end >= 0:
            yield (at, end + len(_MODULES_END), of_format("build information"), True)
    integers = _SMALL_INTEGERS.tobytes()
    at = elf.data.find(integers, part.start, part.end)
    if at >= 0:
        yield (at, at + len(integers), of_package("runtime", "runtime.staticuint64s", PartKind.DATA), True)


def _of_functions(elf: ElfFile, functions: Functions, part: Stretch, loaded: dict[int, int]) -> Iterator[Claim]:
    """Claim each address of code for the package of the function: it is a function's value, or a place to jump to."""
    entries, packages, names = functions.table.entries, functions.packages, functions.names
    low, high = entries[0], entries[-1]
    skip = -part.start % 8
    start = part.start + skip
    for index, word in enumerate(relocated_words(elf, part.address + skip, start, part.end, loaded)):
        if low <= word < high:
            function = bisect_right(entries, word) - 1
            what = names[function] if entries[function] == word else "tables of jumps"
            at = start + 8 * index
            yield (at, at + 8, of_package(packages[function], what, PartKind.DATA), True)
