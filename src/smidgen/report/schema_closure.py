"""The shape of ``smidgen closure --json``: one object a program, stable within a ``schema`` value.

Sizes are in bytes. Paths of libraries are those in the root or the sysroot.
"""

from typing import Literal

import msgspec


class LibraryResult(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the closure.

    Attributes:
        name: What it is asked for by.
        path: Where the loader finds it.
        file: Where its content is on this machine, links followed.
        found_by: Which rule found it.
        reason: ``interpreter``, ``needed``, ``runtime`` (unwinding), ``nss``, ``dlopen``,
            ``packed`` (needed by what PyInstaller or Nuitka packed), ``added`` (needed by what is put in), ``asked``.
        confidence: ``certain``, ``likely`` or ``possible``: how sure it is that it is loaded.
        needed_by: Paths of what asks for it, the program's among them.
        needs: Paths of what it asks for.
        image_path: Where an image has it.
    """

    name: str
    path: str
    file: str
    size: int
    found_by: str
    reason: str
    confidence: str
    needed_by: tuple[str, ...]
    needs: tuple[str, ...]
    image_path: str


class MissingResult(msgspec.Struct, frozen=True, kw_only=True):
    """A library that was not found.

    Attributes:
        reason: As for a library.
        fatal: Whether the program does not start without it.
        sought: Directories, in order.
        rejected: What was found and could not be used, in sentences.
        advice: What to do, or empty.
    """

    name: str
    reason: str
    fatal: bool
    needed_by: tuple[str, ...]
    sought: tuple[str, ...]
    rejected: tuple[str, ...]
    advice: str


class FaultResult(msgspec.Struct, frozen=True, kw_only=True):
    """A version or a symbol that no library has.

    Attributes:
        fatal: Whether the program does not start, rather than fail later.
    """

    message: str
    advice: str
    fatal: bool


class PossibleNeed(msgspec.Struct, frozen=True, kw_only=True):
    """What the program or a library may look for beside libraries.

    Attributes:
        kind: ``ca``, ``tz``, ``passwd``, ``tmp``, ``resolver``, ``mime``.
        included: Whether an image gets it unless it is refused.
        confidence: ``certain``, ``likely`` or ``possible``.
        symbol: The function or the text that proves it.
        reason: One sentence.
    """

    kind: str
    included: bool
    confidence: str
    symbol: str
    reason: str


class ClosureReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        program: Its path on this machine.
        size: Of the program alone.
        architecture: As GOARCH has it.
        interpreter: The path that the kernel starts it with.
        c_library: Such as ``glibc 2.36``.
        whole: Whether it starts with these files, as far as that can be told without starting it.
        libraries_size: Of all libraries together, the interpreter among them.
        directories: The loader's own.
        needs: Paths of what the program itself asks for.
        libraries: The interpreter first.
        other_needs: Beside libraries.
        notes: Sentences for people.
    """

    schema: Literal["smidgen.closure/v1"] = "smidgen.closure/v1"
    program: str
    size: int
    architecture: str
    interpreter: str
    c_library: str
    whole: bool
    libraries_size: int
    directories: tuple[str, ...]
    needs: tuple[str, ...]
    libraries: tuple[LibraryResult, ...]
    missing: tuple[MissingResult, ...]
    faults: tuple[FaultResult, ...]
    other_needs: tuple[PossibleNeed, ...]
    notes: tuple[str, ...]
