"""Whether the owners that smidgen is certain of agree with the symbols of the same program."""

from bisect import bisect_right
from typing import NamedTuple

from smidgen.analyze.binary.frame import stretches
from smidgen.analyze.binary.functions import Functions
from smidgen.analyze.binary.ledger import Claim
from smidgen.analyze.binary.owners import package_of
from smidgen.analyze.binary.references import reference_claims
from smidgen.elf.functab import read_function_table
from smidgen.elf.header import ElfFile
from smidgen.elf.symtab import read_symbols, symbol_section


class Agreement(NamedTuple):
    """Bytes of variables of which smidgen names the owner for certain, and which have a symbol.

    Attributes:
        same: The symbol is of that package.
        runtime: It is not, but both are parts of Go's runtime, of which one has variables that only another names.
        other: It is another package's, which nobody but the one that smidgen names uses.
    """

    same: int
    runtime: int
    other: int


def functions_of(elf: ElfFile) -> Functions:
    """Read the functions of a Go program."""
    table = read_function_table(elf)
    assert table is not None
    return Functions(elf, table)


def certain_claims(elf: ElfFile) -> list[Claim]:
    """Give what references tell for certain."""
    return [claim for claim in reference_claims(elf, functions_of(elf), stretches(elf)) if claim[3]]


def agreement(elf: ElfFile, twin: ElfFile) -> Agreement:
    """Compare *elf*, which is stripped, with the symbols of *twin*, which is the same program."""
    truth = _named(elf, twin)
    starts = [start for start, _, _ in truth]
    same = runtime = other = 0
    for start, end, owner, _ in certain_claims(elf):
        if owner.part != "variables":
            continue
        for index in range(max(bisect_right(starts, start) - 1, 0), len(truth)):
            first, last, package = truth[index]
            if first >= end:
                break
            size = max(min(last, end) - max(first, start), 0)
            if package == owner.package:
                same += size
            elif _is_runtime(package) and _is_runtime(owner.package):
                runtime += size
            else:
                other += size
    return Agreement(same, runtime, other)


def _named(elf: ElfFile, twin: ElfFile) -> list[tuple[int, int, str]]:
    """Give the offsets of all variables that have a symbol, and whose they are."""
    table = symbol_section(twin)
    assert table is not None
    found = []
    for symbol in read_symbols(twin, table):
        package = package_of(symbol.name)
        if symbol.size and package and 0 < symbol.section < len(twin.sections):
            section = elf.section(twin.sections[symbol.section].name)
            if section is not None and section.name in {".data", ".noptrdata"}:
                start = section.offset + symbol.address - section.address
                found.append((start, start + symbol.size, package))
    return sorted(found)


def _is_runtime(package: str) -> bool:
    return package.startswith(("runtime", "internal/"))
