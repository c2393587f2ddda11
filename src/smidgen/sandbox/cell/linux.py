"""Calls of the kernel that Python 3.11 has no name for, each a thin function that raises OSError.

Source: the headers of Linux 6.x (``linux/sched.h``, ``linux/mount.h``, ``linux/prctl.h``, ``linux/openat2.h``).
"""

import ctypes
import fcntl
import os
import socket
import struct
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

MS_RDONLY: Final = 1
MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_NOEXEC: Final = 8
MS_REMOUNT: Final = 32
MS_NOATIME: Final = 1024
MS_NODIRATIME: Final = 2048
MS_BIND: Final = 4096
MS_REC: Final = 16384
MS_PRIVATE: Final = 1 << 18
MS_RELATIME: Final = 1 << 21
MNT_DETACH: Final = 2

# statvfs(3) flag → mount(2) flag: what a remount in a user namespace has to keep, as it is locked.
_KEPT: Final = (
    (1, MS_RDONLY),
    (2, MS_NOSUID),
    (4, MS_NODEV),
    (8, MS_NOEXEC),
    (1024, MS_NOATIME),
    (2048, MS_NODIRATIME),
    (4096, MS_RELATIME),
)

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4

O_PATH: Final = os.O_PATH
RESOLVE_IN_ROOT: Final = 0x10
_OPENAT2: Final = 437  # the same number on every architecture, as for all calls since Linux 5.1

_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def syscall(number: int, *arguments: "int | bytes | ctypes.Array[ctypes.c_char] | None") -> int:
    """Make a call by its number; integers are passed as 64 bits.

    Raises:
        OSError: The kernel's answer.
    """
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *wide))


def unshare(flags: int) -> None:
    """Leave the namespaces of *flags* for new ones: the system call."""
    _checked(_libc.unshare(flags))


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Attach a file system, see the second section of the manual."""
    encoded = [os.fsencode(one) if one is not None else None for one in (source, target, kind)]
    _checked(_libc.mount(*encoded, ctypes.c_ulong(flags), os.fsencode(data) if data else None), target)


def unmount(target: str) -> None:
    """Take a mount away from this namespace, even while it is used."""
    _checked(_libc.umount2(os.fsencode(target), MNT_DETACH), target)


def bind(source: str, target: str, flags: int) -> None:
    """Mount *source* on *target*, with *flags* added to those it already has."""
    mount(source, target, None, MS_BIND | MS_REC)
    add_flags(target, flags)


def add_flags(target: str, flags: int) -> None:
    """Add *flags* to those that what is mounted on *target* has."""
    had = os.statvfs(target).f_flag
    kept = sum(flag for seen, flag in _KEPT if had & seen)
    mount(None, target, None, MS_BIND | MS_REMOUNT | kept | flags)


def prctl(option: int, argument: int) -> None:
    """Change an attribute of this process."""
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(argument), zero, zero, zero))


def open_in_root(root: int, path: bytes, flags: int) -> int:
    """Open *path* as a process whose root directory is *root* would, and give the descriptor.

    Raises:
        OSError: ENOENT and its kin; ENOSYS before Linux 5.6.
    """
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, 0, RESOLVE_IN_ROOT)
    return syscall(_OPENAT2, root, path, how, len(how))


def loopback_up() -> None:
    """Start the loopback interface of this network namespace; it is born down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def read_memory(pid: int, address: int, size: int) -> bytes:
    """Read up to *size* bytes of another process; fewer where its memory ends.

    Raises:
        OSError: Nothing could be read.
    """
    buffer = ctypes.create_string_buffer(size)
    local = (ctypes.c_ulong * 2)(ctypes.addressof(buffer), size)
    # One piece a page: the call stops at the first piece that cannot be read in full.
    pieces: list[int] = []
    position, left = address, size
    while left:
        part = min(left, 4096 - position % 4096)
        pieces += [position, part]
        position, left = position + part, left - part
    remote = (ctypes.c_ulong * len(pieces))(*pieces)
    got = _libc.process_vm_readv(
        pid, ctypes.byref(local), ctypes.c_ulong(1), ctypes.byref(remote), ctypes.c_ulong(len(pieces) // 2), 0
    )
    return buffer.raw[: _checked(got)]


def _checked(result: int, path: str | None = None) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return result
