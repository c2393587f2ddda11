"""``smidgen init --json``."""

from typing import Literal

import msgspec


class DriverResult(msgspec.Struct, frozen=True, kw_only=True):
    """A library of a program that decides what it can stand on, or which server it needs.

    Attributes:
        library: What of a C library it needs: ``none``, ``c``, ``c++``, or ``vendor`` for a client of its vendor.
        server: Such as ``postgres``, or empty.
    """

    path: str
    library: str
    why: str
    server: str


class ProgramResult(msgspec.Struct, frozen=True, kw_only=True):
    """A main package.

    Attributes:
        directory: Relative to the project.
        base: ``scratch``, ``static``, ``libc``, ``libc++`` or ``full``.
        image: The image of that base.
        why: Why that base.
        cgo: Packages with C in them that it is not known to do without.
        needs: What it looks for at run time, of ``ca``, ``tz``, ``passwd``, ``tmp``, ``resolver``, ``mime``.
        embedded: How many files are in the executable.
        ports: Found in its sources.
        loopback_ports: Found in its sources, and not to be reached from outside.
        health: The address that says whether it is well, or empty.
        files: Relative paths that it opens while it runs.
        variables: Of the environment, that it reads.
    """

    name: str
    directory: str
    import_path: str
    base: str
    image: str
    why: tuple[str, ...]
    drivers: tuple[DriverResult, ...]
    cgo: tuple[str, ...]
    needs: tuple[str, ...]
    embedded: int
    ports: tuple[int, ...]
    loopback_ports: tuple[int, ...]
    health: str
    files: tuple[str, ...]
    variables: tuple[str, ...]


class InitReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        release: The Go release to build the project with.
        written: Files that were written.
        unchanged: Files that said the same already.
    """

    schema: Literal["smidgen.init/v1"] = "smidgen.init/v1"
    release: str
    programs: tuple[ProgramResult, ...]
    written: tuple[str, ...]
    unchanged: tuple[str, ...]
