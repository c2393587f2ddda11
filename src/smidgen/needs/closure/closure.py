"""A closure as a value: which files, who needs each, where it was found and why; what is missing, and what to do.

This module does no I/O; ``resolve`` finds the closure.
"""

import posixpath
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from smidgen.needs.need import Confidence, NeedsReport


def family(name: str) -> str:
    """Give what the names of one library have in common, whatever its release: ``libssl`` of ``libssl.so.3``."""
    return posixpath.basename(name).partition(".so")[0]


class Reason(StrEnum):
    """Why a file is in the closure."""

    INTERPRETER = "interpreter"
    NEEDED = "needed"
    RUNTIME = "runtime"
    NSS = "nss"
    DLOPEN = "dlopen"
    PACKED = "packed"
    ADDED = "added"
    ASKED = "asked"


# What a program does not start without, or was said not to do without.
STARTING: Final = frozenset({Reason.INTERPRETER, Reason.NEEDED, Reason.PACKED, Reason.ASKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A file of the closure.

    Attributes:
        name: What it is asked for by: a name of DT_NEEDED, or a path.
        path: Where the loader finds it in the root, links not followed.
        file: Where the file is on this machine, links followed.
        size: In bytes.
        found_by: Which rule found it, such as ``RUNPATH of /usr/bin/app``.
        reason: Why it is here.
        confidence: How sure it is that it is loaded.
        needed_by: Paths of the objects that ask for it, the program's among them.
        needs: Paths of the libraries that it asks for.
        aliases: Other names that it is asked for by, and does not answer to by itself.
    """

    name: str
    path: str
    file: str
    size: int
    found_by: str
    reason: Reason
    confidence: Confidence
    needed_by: tuple[str, ...]
    needs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A library that was not found.

    Attributes:
        name: What was asked for.
        reason: Why.
        needed_by: Who asks for it.
        sought: Where it was sought, in order.
        rejected: What was found and could not be used, each with why, in a sentence.
        advice: What to do, or empty.
    """

    name: str
    reason: Reason
    needed_by: tuple[str, ...]
    sought: tuple[str, ...]
    rejected: tuple[str, ...] = ()
    advice: str = ""

    @property
    def family(self) -> str:
        """What names of one library have in common: ``libssl`` of ``libssl.so.3``."""
        return family(self.name)

    @property
    def is_fatal(self) -> bool:
        """The program does not start without it."""
        return self.reason in STARTING


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A version or a symbol that no library of the closure has.

    Attributes:
        path: Of the object that asks for it.
        message: In a sentence.
        advice: What to do.
        is_fatal: The program does not start, rather than fail later.
    """

    path: str
    message: str
    advice: str
    is_fatal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """What a dynamic executable starts with.

    Attributes:
        program: Its path on this machine.
        size: Its length in bytes.
        architecture: As GOARCH names it.
        interpreter: The path that the kernel starts it with.
        c_library: Such as ``glibc 2.36`` or ``musl``.
        directories: Those that are built into the loader, first one first.
        needs: Paths of the libraries that the program itself asks for.
        libraries: The interpreter first, then in the order in which the loader opens them.
        missing: What was not found.
        faults: Versions and symbols that are not there.
        openssl: Where OpenSSL looks for its certificates, such as ``/usr/lib/ssl``; empty without OpenSSL.
        report: What the program and its libraries need at run time beside these files.
    """

    program: str
    size: int
    architecture: str
    interpreter: str
    c_library: str
    directories: tuple[str, ...]
    needs: tuple[str, ...]
    libraries: tuple[Library, ...]
    missing: tuple[Missing, ...] = ()
    faults: tuple[Fault, ...] = ()
    openssl: str = ""
    report: NeedsReport = field(default_factory=NeedsReport)

    @property
    def is_whole(self) -> bool:
        """The program starts with it, as far as that can be told without starting it."""
        return not any(one.is_fatal for one in self.missing) and not any(one.is_fatal for one in self.faults)

    @property
    def library_size(self) -> int:
        """Bytes of all libraries, the interpreter among them."""
        return sum(one.size for one in self.libraries)
