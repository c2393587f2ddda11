"""Objects that the loader would have opened: the program, its loader, its libraries, and what lies in or beside it."""

import mmap
import os
import posixpath
import re
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Final, Self, TypeVar

from smidgen.elf.dynamic_symbols import DynamicSymbols, read_dynamic_symbols
from smidgen.elf.header import ElfFile, parse_elf
from smidgen.elf.library_names import LibraryName, read_library_names
from smidgen.elf.nuitka import is_nuitka_onefile, nuitka_libraries
from smidgen.elf.pyinstaller import is_by_pyinstaller, packed_libraries
from smidgen.elf.versions import DefinedVersion, NeededVersion, read_defined_versions, read_needed_versions
from smidgen.errors import InvalidExecutable
from smidgen.needs.closure.root import Root

_Value = TypeVar("_Value")
_MAX_PACKED: Final = 5000
_BUNDLES: Final = (b"/etc/ssl/certs/ca-certificates.crt", b"/etc/ssl/cert.pem", b"/etc/pki/tls/certs/ca-bundle.crt")
_OPENSSL: Final = re.compile(rb'OPENSSLDIR: "(/[A-Za-z0-9_.+\-/]{1,200})"')


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
        # Hundreds of libraries ask for the same names.
        return frozenset(sys.intern(one.name) for one in self.symbols.wanted)

    @cached_property
    def is_python(self) -> bool:
        """It has Python's interpreter in it."""
        return any(name == "Py_Initialize" for name, _ in self.symbols.defined)

    @cached_property
    def library_names(self) -> tuple[LibraryName, ...]:
        """The names of libraries in its texts."""
        return read_library_names(self.elf)

    @cached_property
    def bundle(self) -> str:
        """The path of a bundle of certificates in its texts, or empty."""
        return next((text.decode() for text in _BUNDLES if self.elf.data.find(text) >= 0), "")

    @cached_property
    def openssl(self) -> str:
        """The directory of OpenSSL's settings and certificates, as its texts have it, or empty."""
        match = _OPENSSL.search(self.elf.data)
        return match[1].decode() if match is not None else ""

    @cached_property
    def is_by_pyinstaller(self) -> bool:
        """PyInstaller made it, with its libraries in it or beside it."""
        return is_by_pyinstaller(self.elf)

    @cached_property
    def unpacks_itself(self) -> str:
        """The tool that packed libraries into it, or empty."""
        if is_nuitka_onefile(self.elf):
            return "Nuitka"
        return "PyInstaller" if self.packed else ""

    @cached_property
    def packed(self) -> "tuple[Opened, ...]":
        """The libraries that PyInstaller or Nuitka packed into it."""
        found: list[Opened] = []
        for one in islice(chain(packed_libraries(self.elf), nuitka_libraries(self.elf)), _MAX_PACKED):
            path = posixpath.join(self.path, one.name)
            # What is packed is not ours to judge: a damaged file is the program's own affair.
            with suppress(InvalidExecutable):
                found.append(Opened(self.root, path, self.file, parse_elf(one.content), (0, len(found))).settled())
        return tuple(found)

    def settled(self) -> Self:
        """Read what is asked of it later, so that its content need not stay mapped: there may be hundreds.

        Its symbols are let go, all but the names of those that it imports.

        Raises:
            InvalidExecutable: It is damaged.
        """
        for name in ("imports", "is_python", "library_names", "needed_versions", "bundle", "openssl"):
            getattr(self, name)
        vars(self).pop("symbols")
        self.elf = replace(self.elf, data=b"", image=replace(self.elf.image, data=b""))
        return self

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
