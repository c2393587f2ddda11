"""The tracer: which files a program looks for, when it starts, and how much memory it had when it ended.

It looks at each call before it runs, so it tells whether the path exists, not what the call answered.
"""

import errno
import os
import select
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from smidgen.sandbox.cell.calls import EXIT, LIFE, Call
from smidgen.sandbox.cell.linux import O_PATH, open_in_root, read_memory
from smidgen.sandbox.cell.notify import Listener, Notification

Report = Callable[[dict[str, object]], None]

_PATH_MAX: Final = 4096
_MAX_SOUGHT: Final = 20_000
_AT_FDCWD: Final = -100
_CREATES: Final = frozenset({"mkdir", "mkdirat"})
_ST_RDONLY: Final = 1
_OWN: Final = ("/proc/self", "/proc/thread-self")
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})


class Tracer:
    """Follows what runs under one root directory."""

    def __init__(self, listener: Listener, root: os.stat_result, report: Report) -> None:
        self._listener = listener
        self._root = (root.st_dev, root.st_ino)
        self._report = report
        self._started = False
        self._program = 0
        self._seen: set[tuple[str, str]] = set()

    def run(self) -> None:
        """Answer every call until no traced process is left."""
        poll = select.poll()
        poll.register(self._listener.fileno(), select.POLLIN)
        while True:
            events = poll.poll()[0][1]
            if not events & select.POLLIN:
                return
            notification = self._listener.receive()
            if notification is None:
                continue
            try:
                self._look(notification)
            except OSError:
                pass  # the thread went away, or hides: it must go on either way
            finally:
                self._listener.let_run(notification)

    def _look(self, notification: Notification) -> None:
        process = f"/proc/{notification.pid}"
        root = os.open(f"{process}/root", O_PATH | os.O_DIRECTORY)
        try:
            status = os.fstat(root)
            if (status.st_dev, status.st_ino) != self._root:
                return  # the runtime itself
            if notification.call is EXIT:
                facts = memory(notification.pid)
                if self._started and facts.get("pid") == self._program:
                    self._report({"event": "exiting", **facts})
                return
            path = _path(notification)
            # What a process finds at /proc/self is its own, and cannot be looked at from here.
            if path and not path.startswith(_OWN):
                self._judge(notification, root, path)
        finally:
            os.close(root)

    def _judge(self, notification: Notification, root: int, path: str) -> None:
        state = _state(root, path, _creates(notification))
        if notification.call in LIFE:
            if not self._started:
                if state != "missing":
                    self._started = True
                    self._program = memory(notification.pid).get("pid", notification.pid)
                    at = time.monotonic_ns()
                    self._report({"event": "exec", "path": path, "at": at, "pid": self._program})
                return
            state = "missing program" if state == "missing" else "program"
        elif not self._started:
            return  # the runtime, inside the image but before the program
        if (path, state) in self._seen or len(self._seen) >= _MAX_SOUGHT:
            return
        self._seen.add((path, state))
        self._report({"event": "sought", "path": path, "state": state})


def memory(pid: int) -> dict[str, int]:
    """Give what a process has: ``resident``, ``peak``, ``anonymous`` (bytes), ``processor`` (nanoseconds) and ``pid``.

    Empty when it has gone. ``anonymous`` is what no file of the image has. Source: proc_pid_status(5).
    """
    names = {
        "VmRSS": ("resident", 1024),
        "VmHWM": ("peak", 1024),
        "RssAnon": ("anonymous", 1024),
        "Tgid": ("pid", 1),
    }
    found: dict[str, int] = {}
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name in names:
                    key, unit = names[name]
                    found[key] = int(value.split()[0]) * unit
    except (OSError, ValueError):
        return {}
    return found | {"processor": _processor(pid)}


def _processor(pid: int) -> int:
    """Add up what the threads of a process have run. Source: the kernel's ``sched-stats.rst``."""
    total = 0
    with suppress(OSError, ValueError, IndexError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(FileNotFoundError), open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read(256).split()[0])
    return total


def _path(notification: Notification) -> str | None:
    """Read the path of a call and make it absolute as the program sees it; None where there is none."""
    call, arguments = notification.call, notification.arguments
    assert call.path is not None  # noqa: S101
    raw = read_memory(notification.pid, arguments[call.path], _PATH_MAX).split(b"\0", 1)[0]
    if not raw:
        return None  # AT_EMPTY_PATH: an open file, which exists
    path = raw.decode("utf-8", "surrogateescape")
    if path.startswith("/"):
        return path
    # The lower 32 bits are the descriptor, whatever is above.
    descriptor = _AT_FDCWD if call.directory is None else _signed(arguments[call.directory])
    link = "cwd" if descriptor == _AT_FDCWD else f"fd/{descriptor}"
    start = os.readlink(f"/proc/{notification.pid}/{link}")
    return f"{start.rstrip('/')}/{path}" if start.startswith("/") else None


def _signed(register: int) -> int:
    value = register & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


def _creates(notification: Notification) -> str:
    """Say what the call would do to a file: ``create``, ``write`` or ``read`` it."""
    call: Call = notification.call
    if call.name in _CREATES:
        return "create"
    if call.flags is None:
        return "read"
    flags = notification.arguments[call.flags]
    if flags & os.O_CREAT:
        return "create"
    return "write" if flags & (os.O_WRONLY | os.O_RDWR) else "read"


def _state(root: int, path: str, what: str) -> str:
    """Say how *path* stands under *root*: found, missing, no directory (to create it in), or read-only."""
    found = _open(root, path)
    if found is None and what == "create":
        found = _open(root, os.path.dirname(path.rstrip("/")) or "/")
        if found is None:
            return "no directory"
    if found is None:
        return "missing"
    try:
        is_directory = stat.S_ISDIR(os.fstat(found).st_mode)
        read_only = what != "read" and bool(os.fstatvfs(found).f_flag & _ST_RDONLY)
    finally:
        os.close(found)
    if read_only and not (what == "create" and is_directory and _exists(root, path)):
        return "read-only"
    return "found"


def _exists(root: int, path: str) -> bool:
    found = _open(root, path)
    if found is not None:
        os.close(found)
    return found is not None


def _open(root: int, path: str) -> int | None:
    try:
        return open_in_root(root, os.fsencode(path), O_PATH)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise  # not told (a link of /proc, a name too long): what is not known to be missing is not reported
