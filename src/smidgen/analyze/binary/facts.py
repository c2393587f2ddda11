"""What an executable says of itself: linking, building, what was left out."""

import re
from contextlib import suppress

from smidgen.analyze.explained import ProgramFacts
from smidgen.elf.buildinfo import BuildInfo, read_build_info
from smidgen.elf.functab import FunctionTable
from smidgen.elf.header import ElfFile
from smidgen.errors import InvalidExecutable
from smidgen.needs.detect import detect_needs
from smidgen.needs.need import NeedsReport

_RELEASE = re.compile(r"^(?:devel )?go(\d+)\.(\d+)")


def program_facts(elf: ElfFile, table: FunctionTable | None, problems: list[str]) -> ProgramFacts:
    """Read all that is told without looking at the bytes of functions; what cannot be read goes into *problems*."""
    build: BuildInfo | None = None
    try:
        build = read_build_info(elf)
    except InvalidExecutable as error:
        problems.append(f"The build information is damaged: {error.reason}.")
    return ProgramFacts(
        architecture=elf.architecture or f"machine {elf.machine}",
        bits=elf.bits,
        interpreter=elf.interpreter or "",
        libraries=elf.needed,
        stripped=not elf.has_symtab,
        debug=elf.has_dwarf,
        pie=elf.is_pie,
        packed=elf.is_upx_packed,
        go_version=build.go_version if build is not None else "",
        variant=build.variant if build is not None else "",
        cgo=table.uses_cgo if table is not None else None,
        trimmed=_trimmed(elf, table, build),
        keeps_methods=table.method_elimination_off if table is not None else False,
        build=build,
        needs=_needs(elf, problems) if not problems else None,
    )


def go_release(version: str) -> tuple[int, int] | None:
    """Give (1, 26) for ``go1.26.8``; None for a version that is hidden or of another form."""
    match = _RELEASE.match(version)
    return (int(match[1]), int(match[2])) if match else None


def _trimmed(elf: ElfFile, table: FunctionTable | None, build: BuildInfo | None) -> bool | None:
    if build is not None and build.settings.get("-trimpath") == "true":
        return True
    if table is None:
        return None
    files = elf.data[table.header.files : table.header.values]
    # The runtime's own files are in every program: with the directory of the toolchain, or without.
    if b"\0runtime/proc.go\0" in files:
        return True
    return False if b"/runtime/proc.go\0" in files else None


def _needs(elf: ElfFile, problems: list[str]) -> NeedsReport | None:
    with suppress(InvalidExecutable):
        return detect_needs(elf)
    problems.append("What it needs cannot be told, as its function table is damaged.")
    return None
