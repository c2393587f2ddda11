"""Objects that the loader would have opened: the program, its loader, its libraries."""

import mmap
import os
import posixpath
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self, TypeVar

from smidgen.elf.dynamic_symbols import DynamicSymbols, read_dynamic_symbols
from smidgen.elf.header import ElfFile, parse_elf
from smidgen.elf.library_names import LibraryName, read_library_names
from smidgen.elf.pyinstaller import packed_libraries
from smidgen.elf.versions import DefinedVersion, NeededVersion, read_defined_versions, read_needed_versions
from smidgen.errors import InvalidExecutable
from smidgen.needs.closure.root import Root

_Value = TypeVar("_Value")


@dataclass(eq=False)
class Opened:
    """An object, with its file mapped as long as the search goes on.

    Attributes:
        root: Where its paths are to be understood.
        path: In the root, as the loader opens it.
        file: On this machine, links followed.
        elf: Its tables.
        identity: Device and inode: the same file is never loaded twice.
        loader: Who asked for it first; None for the program and what was added to it.
        names: What it answers to.
    """

    root: Root
    path: str
    file: Path
    elf: ElfFile
    identity: tuple[int, int]
    loader: Self | None = None
    names: set[str] = field(default_factory=set)

    @property
    def origin(self) -> str:
        """What ``$ORIGIN`` means in it."""
        return posixpath.dirname(self.path)

    @cached_property
    def symbols(self) -> DynamicSymbols:
        """Its dynamic symbols; read when first asked for."""
        return naming(self.file, lambda: read_dynamic_symbols(self.elf))

    @cached_property
    def imports(self) -> frozenset[str]:
        """The names of the symbols that it takes from others."""
        return frozenset(one.name for one in self.symbols.wanted)

    @cached_property
    def library_names(self) -> tuple[LibraryName, ...]:
        """The names of libraries in its texts."""
        return read_library_names(self.elf)

    @cached_property
    def packed(self) -> tuple[str, ...] | None:
        """What libraries need that PyInstaller packed into it, and did not pack; None for another program."""
        files = list(packed_libraries(self.elf))
        there = {posixpath.basename(one.name) for one in files}
        needed: dict[str, None] = {}
        for one in files:
            # What is packed is not ours to judge: a damaged file is the program's own affair.
            with suppress(InvalidExecutable):
                needed.update(dict.fromkeys(parse_elf(one.content).needed))
        return tuple(name for name in needed if name not in there) if files else None

    @cached_property
    def needed_versions(self) -> tuple[NeededVersion, ...]:
        """The versions that it needs of its libraries."""
        return naming(self.file, lambda: read_needed_versions(self.elf))

    @cached_property
    def defined_versions(self) -> tuple[DefinedVersion, ...]:
        """The versions that it defines."""
        return naming(self.file, lambda: read_defined_versions(self.elf))


def open_object(root: Root, path: str, file: Path, stack: ExitStack) -> Opened:
    """Map and parse the file of an object; it stays mapped until *stack* is closed.

    Raises:
        InvalidExecutable: It is no ELF file, or a damaged one.
        OSError: It cannot be read.
    """
    with file.open("rb") as stream:
        status = os.fstat(stream.fileno())
        if status.st_size == 0:
            raise InvalidExecutable(f"{file} is empty")
        data = stack.enter_context(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    elf = naming(file, lambda: parse_elf(data))
    return Opened(root, path, file, elf, (status.st_dev, status.st_ino))


def naming(file: Path, read: Callable[[], _Value]) -> _Value:
    """Read something of *file*, and say the file's name with a fault: the readers know bytes, not files.

    Raises:
        InvalidExecutable: As *read* does.
    """
    try:
        return read()
    except InvalidExecutable as error:
        raise InvalidExecutable(f"{file}: {error.reason}", offset=error.offset, hint=error.hint) from error
