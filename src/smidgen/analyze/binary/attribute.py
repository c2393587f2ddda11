"""Every byte of an executable, given to whoever brought it.

What the program's own tables say comes first and is exact; what is told from references fills the gaps, and is an
estimate. A byte is counted once.
"""

import gc
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from mmap import mmap
from typing import Final

from smidgen.analyze.binary.constants import constant_claims
from smidgen.analyze.binary.facts import go_release, program_facts
from smidgen.analyze.binary.frame import Stretch, frame_claims, is_alignment, stretches
from smidgen.analyze.binary.functions import Functions, module_claim
from smidgen.analyze.binary.ledger import Claim, Ledger, Owner
from smidgen.analyze.binary.owners import C_CODE, UNKNOWN, of_format, of_package
from smidgen.analyze.binary.references import reference_claims
from smidgen.analyze.binary.symbols import symbol_claims, table_claims
from smidgen.analyze.binary.tally import tallied
from smidgen.analyze.binary.twin import read_twin
from smidgen.analyze.binary.types import Types
from smidgen.analyze.explained import ExplainedBinary, OwnerKind, PartKind, ProgramFacts
from smidgen.elf.functab import FunctionTable, read_function_table
from smidgen.elf.header import ElfFile, parse_elf
from smidgen.elf.moduledata import ModuleData, read_module_data
from smidgen.errors import InvalidExecutable

# Since Go 1.26 the module data have a section of their own.
_MODULE: Final = ".go.module"
_OF_RUNTIME: Final = {
    _MODULE: ("runtime.firstmoduledata", PartKind.DATA),
    ".gopclntab": ("function table", PartKind.TABLE),
}

# A program of 250 MB has about five million; each takes some 150 bytes of memory.
_CLAIM_LIMIT: Final = 5_000_000
# The largest programs have a million functions, and twice as many names.
_FUNCTION_LIMIT: Final = 2_000_000
_NAME_LIMIT: Final = 4_000_000

#: Gives the stored bytes for the content before an offset of the file.
StoredAt = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class _Job:
    """One executable, and what became of it so far; *problems* grows."""

    elf: ElfFile
    table: FunctionTable | None
    facts: ProgramFacts
    parts: tuple[Stretch, ...]
    ledger: Ledger
    problems: list[str]

    def add(self, claims: Callable[[], Iterable[Claim]], what: str) -> None:
        """Add *claims* to the ledger, or say that they cannot be had."""
        room = max(_CLAIM_LIMIT - len(self.ledger.claims), 0)
        try:
            found = list(islice(claims(), room + 1))
            if len(found) > room:
                self.problems.append(f"There are more than {_CLAIM_LIMIT} parts: a part of {what} is not told apart.")
            self.ledger.add(found[:room])
        except InvalidExecutable as error:
            self.problems.append(f"A part of {what} is damaged, and not told apart: {error.reason}.")


def explain_binary(data: bytes | mmap, stored_at: StoredAt, *, twin: bytes | mmap | None = None) -> ExplainedBinary:
    """Attribute each byte of an executable.

    Args:
        data: The whole file.
        stored_at: What a prefix of it takes as it is stored; increasing.
        twin: The same program linked with its symbols, or None.

    Raises:
        UsageError: The twin is another program.
        InvalidExecutable: It is no ELF executable, or its headers are damaged.
    """
    with _without_collector():
        elf = parse_elf(data)
        return _explained(elf, stored_at, read_twin(elf, twin) if twin is not None else None)


def _explained(elf: ElfFile, stored_at: StoredAt, twin: ElfFile | None) -> ExplainedBinary:
    problems: list[str] = []
    table = _table(elf, problems)
    facts = program_facts(elf, table, problems)
    job = _Job(elf, table, facts, stretches(elf), Ledger(len(elf.data)), problems)
    job.add(lambda: frame_claims(elf), "the headers")
    if table is not None:
        _add_go(job, table, twin)
    else:
        job.add(lambda: symbol_claims(elf, is_go=False), "the symbol table")
    job.add(lambda: table_claims(elf, is_go=table is not None), "the symbol table")
    job.ledger.add(_rest(job))
    sections = tallied(job.ledger, job.parts, stored_at)
    return ExplainedBinary(
        facts=facts,
        size=len(elf.data),
        pull=sum(section.pull for section in sections),
        exact=sum(section.exact for section in sections),
        attributed=sum(section.attributed for section in sections),
        sections=sections,
        problems=tuple(problems),
        has_twin=twin is not None,
    )


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep Python from looking for cycles: there are none, and looking through all claims takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _table(elf: ElfFile, problems: list[str]) -> FunctionTable | None:
    try:
        table = read_function_table(elf)
        if table is not None:
            names = table.names_blob.count(0)
            if table.header.count > _FUNCTION_LIMIT or names > _NAME_LIMIT:
                problems.append(f"The functions are not told apart: {table.header.count}, with {names} names.")
                return None
            # Read now what everything else stands on.
            _ = table.entries, table.function_names
    except InvalidExecutable as error:
        hint = f" ({error.hint})" if error.hint else ""
        problems.append(f"The functions cannot be told: {error.reason}{hint}.")
        return None
    return table


def _add_go(job: _Job, table: FunctionTable, twin: ElfFile | None) -> None:
    """Claim all that a Go program's own tables tell, the certain first."""
    elf = job.elf
    functions = Functions(elf, table)
    job.add(functions.code, "the functions' code")
    module = _module(elf, table, job.problems)
    job.add(lambda: functions.tables(module), "the function table")
    if module is not None:
        job.add(lambda: module_claim(elf, module), "the module data")
        if elf.bits == 64 and elf.endian == "<":
            release = go_release(job.facts.go_version)
            job.add(lambda: Types(elf, module, release=release).claims(), "the types")
    job.add(lambda: symbol_claims(elf, is_go=True, names=twin), "the symbol table")
    job.add(lambda: constant_claims(elf, functions, job.parts), "the constants")
    job.add(lambda: reference_claims(elf, functions, job.parts), "the references")


def _module(elf: ElfFile, table: FunctionTable, problems: list[str]) -> ModuleData | None:
    header = table.header
    module = None
    if header.layout != "1.16":
        names = header.names - header.offset
        module = read_module_data(elf, header.offset, names, counters=header.layout == "1.20")
    if module is None:
        problems.append("The module data are of a form that is not known: types and stack maps are estimated.")
    return module


def _rest(job: _Job) -> Iterator[Claim]:
    """Claim what nothing above has told, by the section that it is in."""
    elf, parts, facts = job.elf, job.parts, job.facts
    starts = [part.start for part in parts]
    for start, end in job.ledger.gaps():
        first = max(bisect_right(starts, start) - 1, 0)
        for part in islice(parts, first, None):
            if part.start >= end:
                break
            gap = (max(start, part.start), min(end, part.end))
            if gap[0] < gap[1]:
                if is_alignment(elf, *gap):
                    yield (*gap, of_format("alignment"), True)
                else:
                    owner = _owner_of_rest(part, facts)
                    yield (*gap, owner, owner.part_kind is PartKind.DEBUG or part.name == _MODULE)


def _owner_of_rest(part: Stretch, facts: ProgramFacts) -> Owner:
    if part.name.startswith((".debug_", ".zdebug_")):
        return Owner("debugging information", OwnerKind.FORMAT, part.name, PartKind.DEBUG)
    if facts.packed:
        return Owner("packed by UPX", OwnerKind.CODE, part.name, PartKind.CODE)
    if not part.is_section and part.name == "between sections":
        return Owner("between sections", OwnerKind.UNKNOWN, part.name, PartKind.FORMAT)
    if part.name in _OF_RUNTIME:
        return of_package("runtime", *_OF_RUNTIME[part.name])
    if not facts.go_version or part.is_code:
        return Owner(C_CODE, OwnerKind.CODE, part.name, PartKind.CODE if part.is_code else PartKind.DATA)
    return Owner(UNKNOWN, OwnerKind.UNKNOWN, part.name, PartKind.DATA)
