"""Seccomp user notification: a filter that lets another process look at system calls before they run.

Source: seccomp(2), seccomp_unotify(2); ``linux/seccomp.h``, ``linux/filter.h``.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from smidgen.sandbox.cell.calls import ARCHITECTURES, CALLS, LIFE, SECCOMP, Call
from smidgen.sandbox.cell.linux import syscall

_SET_MODE_FILTER: Final = 1
_GET_ACTION_AVAIL: Final = 2
_NEW_LISTENER: Final = 1 << 3
# Keeps Go's preemption signals from cutting a watched call short again and again (Linux 5.19).
_WAIT_KILLABLE: Final = 1 << 5
_RET_NOTIFY: Final = 0x7FC00000
_RET_ALLOW: Final = 0x7FFF0000
_RESP_CONTINUE: Final = 1

_RECEIVE: Final = 0xC0502100
_SEND: Final = 0xC0182101
_SET_FLAGS: Final = 0x40082104
_SYNC_WAKE_UP: Final = 1

_LOAD_WORD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN: Final = 0x06
_OFFSET_NUMBER: Final = 0
_OFFSET_ARCHITECTURE: Final = 4

_NOTIFICATION: Final = struct.Struct("=QIIiIQ6Q")
_ANSWER: Final = struct.Struct("=QqiI")


class Notification(NamedTuple):
    """A system call that waits for an answer.

    Attributes:
        id: Names it in the answer.
        pid: The thread, as numbered in the supervisor's pid namespace.
        call: Which one.
        arguments: Its six registers.
    """

    id: int
    pid: int
    call: Call
    arguments: tuple[int, ...]


def program(calls: Mapping[int, Mapping[int, Call]]) -> bytes:
    """Render the filter that notifies of *calls* (architecture → number → call) and allows the rest."""
    code = [(_LOAD_WORD, 0, 0, _OFFSET_ARCHITECTURE)]
    for architecture, numbers in calls.items():
        body = [(_LOAD_WORD, 0, 0, _OFFSET_NUMBER)]
        for number in numbers:
            body += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _RET_NOTIFY)]
        body.append((_RETURN, 0, 0, _RET_ALLOW))
        code += [(_JUMP_EQUAL, 0, len(body), architecture), *body]
    code.append((_RETURN, 0, 0, _RET_ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def watched(machine: str, *, files: bool) -> dict[int, dict[int, Call]]:
    """Give the calls to watch on *machine*: those that name files, or only those that start and end programs.

    Raises:
        OSError: ENOSYS: no table for that machine.
    """
    if machine not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"system calls of {machine} are not known to smidgen")
    return {
        architecture: {number: call for number, call in CALLS[architecture].items() if files or call in LIFE}
        for architecture in ARCHITECTURES[machine]
    }


def install(machine: str, *, files: bool) -> int:
    """Put the filter on this process and all that it starts; give the supervisor's descriptor.

    Needs CAP_SYS_ADMIN in this user namespace, which process 1 of a cell has.

    Raises:
        OSError: The kernel is older than 5.5, or forbids it.
    """
    code = program(watched(machine, files=files))
    action = struct.pack("=I", _RET_NOTIFY)
    syscall(SECCOMP[machine], _GET_ACTION_AVAIL, 0, action)
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_ = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    for flags in (_NEW_LISTENER | _WAIT_KILLABLE, _NEW_LISTENER):
        try:
            return syscall(SECCOMP[machine], _SET_MODE_FILTER, flags, filter_)
        except OSError as error:
            if error.errno != errno.EINVAL or flags == _NEW_LISTENER:
                raise
    raise AssertionError


class Listener:
    """The supervisor's end: one notification after another, each to be answered."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        with contextlib.suppress(OSError):  # a kernel before 6.6: slower, not wrong
            fcntl.ioctl(descriptor, _SET_FLAGS, _SYNC_WAKE_UP)

    def fileno(self) -> int:
        """Give the descriptor; it is readable when a call waits and hung up when no filtered process is left."""
        return self._descriptor

    def receive(self) -> Notification | None:
        """Take the call that waits, or None where it went away (its thread was killed)."""
        buffer = bytearray(_NOTIFICATION.size)
        try:
            fcntl.ioctl(self._descriptor, _RECEIVE, buffer)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.EINTR}:
                return None
            raise
        identity, pid, _, number, architecture, _, *arguments = _NOTIFICATION.unpack(buffer)
        return Notification(identity, pid, CALLS[architecture][number], tuple(arguments))

    def let_run(self, notification: Notification) -> None:
        """Have the call run as if nobody had looked."""
        try:
            fcntl.ioctl(self._descriptor, _SEND, bytearray(_ANSWER.pack(notification.id, 0, 0, _RESP_CONTINUE)))
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise

    def close(self) -> None:
        """Give up: calls that wait fail with ENOSYS from here on."""
        os.close(self._descriptor)
