"""Starts programs, several at once, and ends them all when one fails or the user interrupts.

``subprocess`` is not used: importing it costs more than a whole check of a build's inputs.
"""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from smidgen.errors import BuildError

_READ_SIZE = 1 << 16
# For the toolchain to remove its temporary files; on a machine that has much to do, a tenth of it is too little.
_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended.

    Attributes:
        exit_code: Its exit code; minus the number of the signal that ended it.
        stdout: All it wrote to standard output.
        stderr: All it wrote to standard error.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes


class Process:
    """A program that runs in a process group of its own, with its output collected.

    Its own group means that Ctrl-C reaches it through :meth:`kill`, with everything it started.

    Attributes:
        pid: Its number, and that of its group.
        started_ns: When it was started, or somewhat before, in nanoseconds since 1970; 0 where that is not known.
    """

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start ``arguments[0]``, an absolute path.

        Raises:
            BuildError: It cannot be started.
        """
        self.started_ns = time.time_ns()
        out_reader, out_writer = os.pipe()
        err_reader, err_writer = os.pipe()
        try:
            self.pid = os.posix_spawn(
                arguments[0],
                list(arguments),
                environ,
                setpgroup=0,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, out_writer, 1),
                    (os.POSIX_SPAWN_DUP2, err_writer, 2),
                ],
            )
        except OSError as error:
            os.close(out_reader)
            os.close(err_reader)
            raise BuildError(f"cannot start {arguments[0]}: {error.strerror}") from error
        finally:
            os.close(out_writer)
            os.close(err_writer)
        self.hold(out_reader, err_reader)

    @classmethod
    def adopt(cls, pid: int, out_reader: int, err_reader: int) -> Self:
        """Take over a child of this process that leads a process group, with the pipes of its output."""
        process = cls.__new__(cls)
        process.pid = pid
        process.started_ns = _started_ns(pid)
        process.hold(out_reader, err_reader)
        return process

    def hold(self, out_reader: int, err_reader: int) -> None:
        """Collect what comes from these pipes; to be called once."""
        self._chunks: dict[int, list[bytes]] = {out_reader: [], err_reader: []}
        self._out, self._err = out_reader, err_reader
        self.open_descriptors = {out_reader, err_reader}
        self._exit_code: int | None = None

    def read(self, descriptor: int) -> bytes:
        """Take what *descriptor* has; b"" when it came to its end, and then it is closed."""
        data = os.read(descriptor, _READ_SIZE)
        if data:
            self._chunks[descriptor].append(data)
        else:
            os.close(descriptor)
            self.open_descriptors.discard(descriptor)
        return data

    def is_stderr(self, descriptor: int) -> bool:
        """Tell whether *descriptor* is where the program writes its errors."""
        return descriptor == self._err

    def result(self) -> Outcome:
        """Wait for the end."""
        try:
            for _ in _events([self]):
                pass
            return self._ended()
        except BaseException:
            self.kill()
            raise

    def _ended(self) -> Outcome:
        if self._exit_code is None:
            _, status = os.waitpid(self.pid, 0)
            self._exit_code = os.waitstatus_to_exitcode(status)
        return Outcome(self._exit_code, b"".join(self._chunks[self._out]), b"".join(self._chunks[self._err]))

    def kill(self, *, grace: float = _GRACE_SECONDS) -> None:
        """End the program and all that it started, and forget what it said.

        It is interrupted first, as by Ctrl-C, so that it can remove its temporary files.

        Args:
            grace: Seconds that it has for that.
        """
        try:
            if self._exit_code is None:
                self._signal(signal.SIGINT)
                deadline = time.monotonic() + grace
                while not self._has_ended() and time.monotonic() < deadline:
                    time.sleep(0.005)
        finally:
            if self._exit_code is None:
                self._signal(signal.SIGKILL)
                _, status = os.waitpid(self.pid, 0)
                self._exit_code = os.waitstatus_to_exitcode(status)
            for descriptor in tuple(self.open_descriptors):
                os.close(descriptor)
                self.open_descriptors.discard(descriptor)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _has_ended(self) -> bool:
        # Without waiting for it for good: as long as it is not waited for, its number names no other group.
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _events(processes: list[Process]) -> Iterator[tuple[Process, int, bytes]]:
    """Give output as it comes, until every pipe of *processes* is at its end; the list may grow meanwhile."""
    poll = select.poll()
    owners: dict[int, Process] = {}
    while True:
        for process in processes:
            for descriptor in process.open_descriptors - owners.keys():
                owners[descriptor] = process
                poll.register(descriptor, select.POLLIN)
        if not owners:
            return
        for descriptor, _ in poll.poll():
            process = owners[descriptor]
            data = process.read(descriptor)
            if not data:
                poll.unregister(descriptor)
                del owners[descriptor]
            yield process, descriptor, data


def _started_ns(pid: int) -> int:
    """Say when a process was started, rounded down to the kernel's tick; 0 where the kernel does not tell.

    Source: proc(5), ``/proc/pid/stat`` field 22: in ticks since boot.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The second field is a name in parentheses, which may hold anything.
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        since_boot_ns = ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        return time.time_ns() - (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - since_boot_ns)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0


@dataclass(frozen=True, slots=True)
class Command:
    """A program to start: its arguments, the first an absolute path, and its environment."""

    arguments: tuple[str, ...]
    environ: Mapping[str, str]


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> Outcome:
    """Start a program and wait for its end.

    Raises:
        BuildError: It cannot be started.
    """
    return Process(arguments, environ).result()


def run_all(
    commands: Sequence[Command],
    *,
    at_once: int,
    ended: Callable[[int, Outcome], None],
    said: Callable[[int, str], None] | None = None,
    started: Mapping[int, Process] = MappingProxyType({}),
) -> None:
    """Run *commands* side by side.

    Args:
        commands: In the order in which they are started.
        at_once: How many run at a time at most.
        ended: Called with the position of a command and how it ended, in the order of their ends. When it
            raises, all others are ended and the exception passes.
        said: Called with the position of a command and each whole line it writes to standard error.
        started: Position of a command → its process, where it runs already.

    Raises:
        BuildError: A program cannot be started.
    """
    waiting = [(position, command) for position, command in enumerate(commands) if position not in started][::-1]
    running = list(started.values())
    positions = {process: position for position, process in started.items()}
    tails: dict[Process, bytes] = {}
    try:
        while waiting and len(running) < at_once:
            _start_next(waiting, running, positions)
        for process, descriptor, data in _events(running):
            if said is not None and process.is_stderr(descriptor) and data:
                *lines, tails[process] = (tails.get(process, b"") + data).split(b"\n")
                for line in lines:
                    said(positions[process], line.decode(errors="replace"))
            if not process.open_descriptors:
                running.remove(process)
                ended(positions[process], process.result())
                if waiting:
                    _start_next(waiting, running, positions)
    finally:
        for process in running:
            process.kill()


def _start_next(waiting: list[tuple[int, Command]], running: list[Process], positions: dict[Process, int]) -> None:
    position, command = waiting.pop()
    process = Process(command.arguments, command.environ)
    positions[process] = position
    running.append(process)


def find_executable(name: str, search_path: str) -> str | None:
    """Find *name* in the directories of *search_path*, as a shell does; None where it is not."""
    for directory in search_path.split(os.pathsep):
        # An empty entry means the current directory; programs are not run from there unasked.
        path = os.path.join(directory, name)
        if os.path.isabs(directory) and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def available_cores() -> int:
    """Count the cores that this process may use: its affinity and the quota of its control group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()
    except (OSError, ValueError):
        return cores
    if quota == "max":
        return cores
    return max(1, min(cores, -(-int(quota) // int(period))))
