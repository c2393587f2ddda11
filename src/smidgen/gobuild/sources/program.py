"""An executable that was just made: what it is told from, and as which file it goes into the image."""

import os
import shutil
from pathlib import Path

import msgspec

from smidgen.config.resolve import SCRATCH
from smidgen.config.settings import Settings
from smidgen.elf.header import ElfFile, parse_elf
from smidgen.elf.strip import stripped
from smidgen.elf.symtab import STT_FUNC, read_symbols, symbol_section
from smidgen.errors import BuildError, DynamicExecutable, WrongArchitecture
from smidgen.gobuild.assembly import Part
from smidgen.needs.closure.behaviour import linked_needs
from smidgen.needs.examine import examine, mapped
from smidgen.oci.platform import Platform


def finished(
    path: str, name: str, platform: Platform, settings: Settings, *, into: str, target: str, advice: str
) -> Part:
    """Read the executable at *path*, take its symbols out unless they are wanted, and give it its name.

    Args:
        path: Where it is.
        name: What it is called in the image.
        platform: What it should be for.
        settings: Everything the user said.
        into: A directory to be made for what goes into the image.
        target: For messages.
        advice: What to do where it is not static, or for another machine.

    Raises:
        InvalidExecutable: It is none.
        WrongArchitecture: It is for another machine.
        DynamicExecutable: It cannot run alone, and nobody asked for libraries.
        BuildError: It cannot be written.
    """
    found = Path(path)
    with mapped(found) as data:
        elf = parse_elf(data)
        if elf.architecture != platform.architecture:
            raise WrongArchitecture(
                f"{target} was built for {elf.architecture or f'ELF machine {elf.machine}'}, not for {platform}",
                hint=advice,
            )
        if not (elf.is_static or settings.libc or settings.base != SCRATCH):
            wanted = ", ".join(part for part in (elf.interpreter, *elf.needed) if part)
            raise DynamicExecutable(
                f"{target} was linked dynamically for {platform}: it needs {wanted}",
                interpreter=elf.interpreter,
                libraries=elf.needed,
                hint=f"{advice}; or take the libraries along with --libc glibc",
            )
        names = function_names(elf)
        content = stripped(elf) if settings.strip else None
    made = Path(into, name)
    try:
        os.mkdir(into)
        if content is None:
            shutil.copyfile(found, made)
        else:
            made.write_bytes(content)
        made.chmod(0o755)
    except OSError as error:
        raise BuildError(f"cannot write {error.filename}: {error.strerror}") from error
    facts = examine(made, platform)
    if elf.is_static and not facts.go_version and names:
        facts = msgspec.structs.replace(facts, report=linked_needs(names, facts.report))
    part = Part(platform=platform, facts=facts, path=made)
    if not settings.libc:
        return part
    from smidgen.gobuild.dynamic import with_closure  # few programs are linked like that

    return with_closure(part, settings)


def function_names(elf: ElfFile) -> frozenset[str]:
    """Give the names of the functions that are linked into a program; none where it has no symbols."""
    table = symbol_section(elf)
    if table is None:
        return frozenset()
    return frozenset(one.name for one in read_symbols(elf, table) if one.type == STT_FUNC and one.section)
