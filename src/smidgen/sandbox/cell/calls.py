"""System calls that name a file, by architecture: numbers, and which argument is what.

Source: Linux 6.x, ``arch/x86/entry/syscalls/syscall_{64,32}.tbl``, ``arch/arm/tools/syscall.tbl``,
``include/uapi/asm-generic/unistd.h`` (arm64); ``linux/audit.h`` for the architectures' numbers.
"""

from dataclasses import dataclass
from typing import Final

X86_64: Final = 0xC000003E
I386: Final = 0x40000003
AARCH64: Final = 0xC00000B7
ARM: Final = 0x40000028

#: Machine of uname(2) → the architectures whose programs its kernel runs.
ARCHITECTURES: Final = {"x86_64": (X86_64, I386), "aarch64": (AARCH64, ARM)}
#: Machine of uname(2) → number of seccomp(2).
SECCOMP: Final = {"x86_64": 317, "aarch64": 277}


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that names a file.

    Attributes:
        name: As in its manual page.
        path: Index of the argument that points to the path, or None for a call without one.
        directory: Index of the argument that says what a relative path starts from, or None for the
            working directory.
        flags: Index of the argument with O_* flags, or None.
    """

    name: str
    path: int | None
    directory: int | None = None
    flags: int | None = None


_OPEN = Call("open", 0, None, 1)
_OPENAT = Call("openat", 1, 0, 2)
_OPENAT2 = Call("openat2", 1, 0)
_STAT = Call("stat", 0)
_LSTAT = Call("lstat", 0)
_FSTATAT = Call("newfstatat", 1, 0)
_STATX = Call("statx", 1, 0)
_ACCESS = Call("access", 0)
_FACCESSAT = Call("faccessat", 1, 0)
_READLINK = Call("readlink", 0)
_READLINKAT = Call("readlinkat", 1, 0)
_MKDIR = Call("mkdir", 0)
_MKDIRAT = Call("mkdirat", 1, 0)
EXECVE: Final = Call("execve", 0)
EXECVEAT: Final = Call("execveat", 1, 0)
EXIT: Final = Call("exit_group", None)

CALLS: Final[dict[int, dict[int, Call]]] = {
    X86_64: {
        2: _OPEN,
        4: _STAT,
        6: _LSTAT,
        21: _ACCESS,
        59: EXECVE,
        83: _MKDIR,
        89: _READLINK,
        231: EXIT,
        257: _OPENAT,
        258: _MKDIRAT,
        262: _FSTATAT,
        267: _READLINKAT,
        269: _FACCESSAT,
        322: EXECVEAT,
        332: _STATX,
        437: _OPENAT2,
        439: _FACCESSAT,
    },
    I386: {
        5: _OPEN,
        11: EXECVE,
        33: _ACCESS,
        39: _MKDIR,
        85: _READLINK,
        106: _STAT,
        107: _LSTAT,
        195: _STAT,
        196: _LSTAT,
        252: EXIT,
        295: _OPENAT,
        296: _MKDIRAT,
        300: _FSTATAT,
        305: _READLINKAT,
        307: _FACCESSAT,
        358: EXECVEAT,
        383: _STATX,
        437: _OPENAT2,
        439: _FACCESSAT,
    },
    AARCH64: {
        34: _MKDIRAT,
        48: _FACCESSAT,
        56: _OPENAT,
        78: _READLINKAT,
        79: _FSTATAT,
        94: EXIT,
        221: EXECVE,
        281: EXECVEAT,
        291: _STATX,
        437: _OPENAT2,
        439: _FACCESSAT,
    },
    ARM: {
        5: _OPEN,
        11: EXECVE,
        33: _ACCESS,
        39: _MKDIR,
        85: _READLINK,
        106: _STAT,
        107: _LSTAT,
        195: _STAT,
        196: _LSTAT,
        248: EXIT,
        322: _OPENAT,
        323: _MKDIRAT,
        327: _FSTATAT,
        332: _READLINKAT,
        334: _FACCESSAT,
        387: EXECVEAT,
        397: _STATX,
        437: _OPENAT2,
        439: _FACCESSAT,
    },
}

#: What starting and ending a program takes; watched even where files are not.
LIFE: Final = frozenset({EXECVE, EXECVEAT, EXIT})
