"""The program that an image starts: found as the kernel and execvp(3) would, and looked at before it is run.

A runtime that fails to start a program says little. What can be known beforehand is said here in words.
"""

import os
import stat
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from typing import Final, Protocol

from smidgen.elf.header import ElfFile, parse_elf
from smidgen.errors import InvalidExecutable, ProgramNotFound, ProgramNotRunnable
from smidgen.layer.capabilities import CAPABILITY_XATTR, FileCapabilities
from smidgen.sandbox.users import User

# The kernel's own bound on a #! line (include/uapi/linux/binfmts.h), raised from 128 in Linux 5.1.
_MAX_INTERPRETER_LINE: Final = 256
# What the linker keeps of Go's package time/tzdata.
_EMBEDDED_ZONES: Final = "time/tzdata.loadFromEmbeddedTZData"


class Root(Protocol):
    """A root directory to look into: as a process inside would, no symbolic link leads out."""

    def stat(self, path: str) -> os.stat_result | None:
        """Look at what *path* leads to, or None where it leads nowhere."""
        ...

    def read(self, path: str, limit: int) -> bytes:
        """Read the first *limit* bytes of a regular file; nothing where there is none."""
        ...

    def open(self, path: str, flags: int) -> int:
        """Open what *path* leads to."""
        ...


@dataclass(frozen=True, slots=True)
class Program:
    """What is going to be executed.

    Attributes:
        path: Absolute path in the image, as found; symbolic links are not followed.
        architecture: GOARCH of the machine code, or empty where it cannot be told.
        head: The first bytes of the machine code: a script's are its interpreter's.
    """

    path: str
    architecture: str
    head: bytes


def find_program(root: Root, name: str, *, environment: tuple[str, ...], directory: str, user: User) -> Program:
    """Find the program *name* and check that it can be started.

    Raises:
        ProgramNotFound: The image does not have it.
        ProgramNotRunnable: It cannot be executed: no permission, no interpreter, no program.
    """
    path = _locate(root, name, environment, directory, user)
    executed, head = path, root.read(path, _MAX_INTERPRETER_LINE)
    if head.startswith(b"#!"):
        interpreter = _interpreter(head)
        if not interpreter or root.stat(interpreter) is None:
            raise ProgramNotRunnable(
                f"{path} is a script for {interpreter or '?'}, which is not in the image",
                hint="an image from scratch has no shell: start a static program, or add the interpreter",
            )
        executed, head = interpreter, root.read(interpreter, _MAX_INTERPRETER_LINE)
    return Program(path, _architecture(root, executed, head), head)


def _locate(root: Root, name: str, environment: tuple[str, ...], directory: str, user: User) -> str:
    if "/" in name:
        candidates = [os.path.normpath(os.path.join(directory, name)) if not name.startswith("/") else name]
    else:
        search = next((line[5:] for line in reversed(environment) if line.startswith("PATH=")), "")
        candidates = [os.path.join(directory, one, name) for one in search.split(":")]
    refused: str | None = None
    for path in candidates:
        status = root.stat(path)
        if status is None:
            continue
        why = _why_not(status, user)
        if why is None:
            return path
        refused = refused or f"{path} {why}"
    if refused is not None:
        raise ProgramNotRunnable(f"cannot run {refused}", hint="files are given modes with --add SRC:DST:0755")
    where = "" if "/" in name else f" in any of {', '.join(os.path.dirname(one) for one in candidates)}"
    hint = "`smidgen ls REF` lists the files of an image"
    if os.path.basename(name) in {"sh", "bash", "ash"}:
        hint = "a small image has no shell; its own program takes arguments after the image's name"
    raise ProgramNotFound(f"program {name!r} is not in the image{where}", hint=hint)


def _why_not(status: os.stat_result, user: User) -> str | None:
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        return "is a directory"
    if not stat.S_ISREG(mode):
        return "is not a regular file"
    if not mode & 0o111:
        return f"is not executable: its mode is {stat.S_IMODE(mode):04o}"
    # Owners are known only where unpacking kept them; then this is what the kernel would say.
    if os.geteuid() == 0 and user.uid != 0 and not mode & _class_bit(status, user):
        return f"is not executable for user {user.uid}: its mode is {stat.S_IMODE(mode):04o}"
    return None


def _class_bit(status: os.stat_result, user: User) -> int:
    if status.st_uid == user.uid:
        return 0o100
    return 0o010 if status.st_gid in (user.gid, *user.groups) else 0o001


def _interpreter(head: bytes) -> str:
    line = head[2:_MAX_INTERPRETER_LINE].split(b"\n", 1)[0].split()
    return line[0].decode("utf-8", "surrogateescape") if line else ""


def _architecture(root: Root, path: str, head: bytes) -> str:
    if not head.startswith(b"\x7fELF"):
        raise ProgramNotRunnable(
            f"{path} is neither an ELF executable nor a script: it begins with {head[:4]!r}",
            hint="is it a program for another system, or a shell script without its #! line?",
        )
    try:
        elf = _parse(root, path)
    except InvalidExecutable as error:
        raise ProgramNotRunnable(f"{path} is damaged: {error.message}") from error
    if elf.interpreter and root.stat(elf.interpreter) is None:
        raise ProgramNotRunnable(
            f"{path} is dynamically linked and needs {elf.interpreter}, which is not in the image",
            hint="link it statically (CGO_ENABLED=0), or use a base that has the C library",
        )
    return elf.architecture or ""


def _parse(root: Root, path: str) -> ElfFile:
    descriptor = root.open(path, os.O_RDONLY)
    try:
        # The map goes away with the value that reads from it.
        return parse_elf(mmap(descriptor, 0, access=ACCESS_READ))
    finally:
        os.close(descriptor)


def capabilities_of(root: Root, path: str) -> FileCapabilities:
    """Tell what the program's file may do whoever starts it; nothing where unpacking could not keep that."""
    try:
        descriptor = root.open(path, os.O_RDONLY)
    except OSError:
        return FileCapabilities()
    try:
        return FileCapabilities.decode(os.getxattr(descriptor, CAPABILITY_XATTR)) or FileCapabilities()
    except OSError:
        # None, or a file system without attributes.
        return FileCapabilities()
    finally:
        os.close(descriptor)


def embeds_zones(root: Root, path: str) -> bool:
    """Tell whether a Go program carries the time zones itself, so that it does without the files."""
    from smidgen.elf.functab import read_function_table  # for proofs only

    try:
        table = read_function_table(_parse(root, path))
    except (InvalidExecutable, OSError, ValueError):
        return False
    return table is not None and table.has(_EMBEDDED_ZONES)
