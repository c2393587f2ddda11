"""Asks the readers of executables everything that they can be asked, of bytes that may be hostile."""

from collections.abc import Callable
from contextlib import suppress
from itertools import islice

from smidgen.elf.buildinfo import read_build_info
from smidgen.elf.dynamic_symbols import read_dynamic_symbols
from smidgen.elf.functab import FunctionTable, read_function_table
from smidgen.elf.header import ElfFile, parse_elf
from smidgen.elf.library_names import read_library_names
from smidgen.elf.pyinstaller import packed_libraries
from smidgen.elf.relocation import places_of, pointer_at
from smidgen.elf.versions import read_defined_versions, read_needed_versions
from smidgen.errors import InvalidExecutable


def attempt(read: Callable[[], object]) -> None:
    """Call a reader that may refuse what it reads, in one way only."""
    with suppress(InvalidExecutable):
        read()


def use_elf(elf: ElfFile) -> None:
    """Ask everything that can be asked of the headers."""
    assert elf.architecture != ""
    assert isinstance(elf.is_static or elf.is_pie or elf.has_dwarf or elf.has_symtab or elf.is_upx_packed, bool)
    for section in elf.sections:
        section.name.encode()
    for text in (*elf.needed, elf.interpreter or "", elf.dynamic.soname or ""):
        text.encode()
    attempt(lambda: pointer_at(elf, elf.entry))
    attempt(lambda: list(islice(places_of(elf, elf.entry), 10)))


def use_dynamic(elf: ElfFile) -> None:
    """Ask everything that can be asked of what is linked at run time."""
    attempt(lambda: [one.library.encode() + one.version.encode() for one in read_needed_versions(elf)])
    attempt(lambda: [one.version.encode() for one in read_defined_versions(elf)])
    attempt(lambda: [one.name.encode() for one in read_dynamic_symbols(elf).wanted])
    assert all(one.name for one in read_library_names(elf))
    assert all(one.content for one in packed_libraries(elf))
    assert isinstance(elf.dynamic.binds_now and elf.dynamic.skips_default_directories, bool)


def use_table(table: FunctionTable) -> None:
    """Ask everything that can be asked of a function table."""
    attempt(lambda: [function.name.encode() for function in table.functions()])
    attempt(lambda: [name.encode() for name in table.names()])
    for name in ("main.a", "main.c", "", "runtime.main"):
        attempt(lambda name=name: (table.has(name), table.is_linked(name)))  # type: ignore[misc]
    attempt(lambda: (table.uses_cgo, table.method_elimination_off))


def use(data: bytes) -> None:
    """Read *data* with all readers."""
    with suppress(InvalidExecutable):
        elf = parse_elf(data)
        use_elf(elf)
        use_dynamic(elf)
        attempt(lambda: read_build_info(elf))
        table = read_function_table(elf)
        if table is not None:
            use_table(table)
