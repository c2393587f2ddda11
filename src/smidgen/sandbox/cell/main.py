"""The two processes of a cell: the outer one enters, the inner one is process 1 and sees to everything.

Messages are JSON objects, one a packet. From the starter: ``{"mapped": true}``, ``{"memory": PID or 0}``, and
``{"signal": N}``, with ``"kill_after"`` in seconds or without.
To the starter, by ``event``: ``unshared``, ``running``, ``pid``, ``exec``,
``sought``, ``exiting``, ``answer``, ``memory``, ``untraced``, ``exit`` and ``failed``.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from smidgen.sandbox.cell import namespaces
from smidgen.sandbox.cell.forward import Forwarder
from smidgen.sandbox.cell.job import Job, Probe
from smidgen.sandbox.cell.linux import CLONE_NEWUSER, PR_SET_PDEATHSIG, prctl, unshare
from smidgen.sandbox.cell.notify import Listener, install
from smidgen.sandbox.cell.probe import ask_again, probe
from smidgen.sandbox.cell.trace import Tracer, memory

_PACKET: Final = 1 << 16
_PID_POLL: Final = 0.002
# It ends with the last process that it watches; on a machine that has much to do it may be far behind.
_TRACER_GRACE: Final = 10.0
_MEANT_FOR_ALL: Final = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)
_NANOSECONDS: Final = 1_000_000_000
#: The starter reads this as "the cell itself did not work"; the reason is in the event ``failed``.
FAILED: Final = 125


def main(control_descriptor: int, job_path: str) -> None:
    """Run the cell; never returns."""
    control = socket.socket(fileno=control_descriptor)
    try:
        with open(job_path, encoding="utf-8") as file:
            job = Job.decode(file.read())
        code = _outer(control, job)
    except BaseException as error:  # noqa: BLE001
        _send(control, _failed(error))
        code = FAILED
    os._exit(code)


def _outer(control: socket.socket, job: Job) -> int:
    if job.user_namespace:
        unshare(CLONE_NEWUSER)
        _send(control, {"event": "unshared"})
        if not control.recv(_PACKET):
            return FAILED
    if not job.arguments:
        namespaces.remove(job)
        return 0
    namespaces.enter(job)
    pid = os.fork()
    if pid == 0:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        try:
            code = _Init(control, job).run()
        except BaseException as error:  # noqa: BLE001
            _send(control, _failed(error))
            code = FAILED
        os._exit(code)
    # What the terminal sends to all is meant for the program; this process goes when process 1 does.
    for number in _MEANT_FOR_ALL:
        signal.signal(number, signal.SIG_IGN)
    control.close()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256


class _Init:
    """Process 1: starts the runtime and its company, reaps, passes signals on, and cleans up."""

    def __init__(self, control: socket.socket, job: Job) -> None:
        self._control = control
        self._job = job
        self._runtime = 0
        self._program = 0
        self._tracer = 0
        self._status: int | None = None
        self._kill_at: float | None = None
        self._memory_awaited = False
        self._held: list[int] = []
        self._information: int | None = None
        self._said = b""
        # An OCI runtime tells of its own failures in its log.
        self._set_up = not job.info

    def run(self) -> int:
        """Do the job; give 0, as the program's code goes in the event ``exit``."""
        for number in _MEANT_FOR_ALL:
            signal.signal(number, signal.SIG_IGN)
        namespaces.arrange(self._job)
        root = os.stat(self._job.root)  # before what is staged covers it
        arguments = namespaces.stage(self._job)
        self._company(arguments, root)
        _send(self._control, {"event": "running"})
        abandoned = self._serve()
        self._end()
        self._last_words()
        if abandoned:
            namespaces.remove(self._job)
        elif self._status is not None:
            _send(self._control, {"event": "exit", "code": self._status, "set_up": self._set_up})
        return 0

    def _company(self, arguments: list[str], root: os.stat_result) -> None:
        """Fork everything that runs beside this process."""
        job = self._job
        if job.listeners:
            listeners = [(socket.socket(fileno=descriptor), port) for descriptor, port in job.listeners]
            self._fork(lambda: Forwarder(listeners).run())
            for listener, _ in listeners:
                listener.close()
        ours, theirs = socket.socketpair()
        if job.watch:
            self._tracer = self._fork(lambda: _trace(ours, theirs, self._control, root))
        information = os.pipe() if job.info else None
        self._runtime = os.fork()
        if self._runtime == 0:
            self._become_runtime(arguments, theirs, information)
        ours.close()
        theirs.close()
        if job.probe is not None:
            wanted = job.probe
            self._fork(lambda: _send(self._control, _probe(wanted)))
        _silence()
        if information is not None:
            os.close(information[1])
            self._information = information[0]

    def _fork(self, work: Callable[[], None]) -> int:
        """Do *work* in a child; give its number."""
        pid = os.fork()
        if pid:
            return pid
        try:
            _silence()
            work()
        except BaseException as error:  # noqa: BLE001
            _send(self._control, _failed(error))
        finally:
            os._exit(0)

    def _become_runtime(self, arguments: list[str], tracer: socket.socket, information: tuple[int, int] | None) -> None:
        """Turn this process into the runtime; never returns."""
        try:
            job = self._job
            for number in (*_MEANT_FOR_ALL, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            if information is not None:
                os.set_inheritable(information[1], True)
                arguments = [argument.replace("{info}", str(information[1])) for argument in arguments]
            if job.watch:
                self._hand_over(tracer)
            if job.drop_to is not None:
                os.setgroups(job.groups or [])
                os.setresgid(*[job.drop_to[1]] * 3)
                os.setresuid(*[job.drop_to[0]] * 3)
            environment = dict(line.split("=", 1) for line in job.environment)
            os.execve(arguments[0], arguments, environment)  # noqa: S606 (a shell is what must not come between)
        except BaseException as error:  # noqa: BLE001
            _send(self._control, {"event": "failed", "reason": f"{arguments[0]}: {_reason(error)}"})
        finally:
            os._exit(FAILED)

    def _hand_over(self, tracer: socket.socket) -> None:
        try:
            listener = install(os.uname().machine, files=self._job.watch == "files")
        except OSError as error:
            _send(self._control, {"event": "untraced", "reason": _reason(error)})
            return
        socket.send_fds(tracer, [b"x"], [listener])
        os.close(listener)

    def _serve(self) -> bool:
        """Wait for the runtime's end, doing what the starter says; True when the starter has gone."""
        with selectors.DefaultSelector() as selector, _child_signals() as children:
            selector.register(self._control, selectors.EVENT_READ, self._command)
            selector.register(children, selectors.EVENT_READ, lambda: _drain(children))
            if self._information is not None:
                selector.register(self._information, selectors.EVENT_READ, lambda: self._learn(selector))
            while True:
                self._reap()
                if self._status is not None:
                    return False
                for key, _ in selector.select(self._patience()):
                    if key.data() is False:
                        return True
                self._read_pid_file()
                if self._kill_at is not None and time.monotonic() >= self._kill_at:
                    self._kill_at = None
                    self._signal(signal.SIGKILL)

    def _patience(self) -> float | None:
        if self._job.pid_file and not self._program:
            return _PID_POLL
        return None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())

    def _command(self) -> bool:
        """Do what the starter says; False when it has gone."""
        try:
            packet = self._control.recv(_PACKET)
        except ConnectionResetError:
            return False  # it went away with events that it had not read
        if not packet:
            return False
        message = json.loads(packet)
        if "signal" in message:
            self._signal(message["signal"])
        if "kill_after" in message:
            self._kill_at = time.monotonic() + message["kill_after"]
        if "memory" in message:
            # The tracer may have told of the program before the runtime did; without a tracer, that is awaited.
            self._tell_memory(message["memory"] or self._program)
        return True

    def _tell_memory(self, pid: int) -> None:
        self._memory_awaited = not pid
        if pid:
            _send(self._control, {"event": "memory", **memory(pid)})

    def _signal(self, number: int) -> None:
        """Signal the program; what comes before the runtime has told of it is meant for it and waits, but for KILL."""
        told_later = self._job.pid_file or self._information is not None
        if told_later and not self._program and number != signal.SIGKILL:
            self._held.append(number)
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._program or self._runtime, number)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._runtime:
                code = os.waitstatus_to_exitcode(status)
                self._status = 128 - code if code < 0 else code
            elif pid == self._tracer:
                self._tracer = 0

    def _read_pid_file(self) -> None:
        if not self._job.pid_file or self._program:
            return
        with contextlib.suppress(OSError, ValueError), open(self._job.pid_file, encoding="ascii") as file:
            self._found(int(file.read()))

    def _learn(self, selector: selectors.BaseSelector) -> None:
        """Read what bubblewrap says: the program's process first, its exit code at the end."""
        assert self._information is not None  # noqa: S101
        data = os.read(self._information, _PACKET)
        if not data:
            selector.unregister(self._information)
            os.close(self._information)
            self._information = None
        # An object is a line, but is written piece by piece.
        *lines, self._said = (self._said + data).split(b"\n")
        for line in lines:
            state = json.loads(line)
            if "child-pid" in state:
                self._found(state["child-pid"])
            self._set_up = self._set_up or "exit-code" in state

    def _last_words(self) -> None:
        if self._information is not None:
            with contextlib.suppress(OSError), selectors.DefaultSelector() as selector:
                selector.register(self._information, selectors.EVENT_READ)
                while self._information is not None:
                    self._learn(selector)

    def _found(self, pid: int) -> None:
        self._program = pid
        _send(self._control, {"event": "pid", "pid": pid})
        for number in self._held:
            self._signal(number)
        self._held = []
        if self._memory_awaited:
            self._tell_memory(pid)

    def _end(self) -> None:
        """Leave nothing running; the tracer first says what it has still to say."""
        deadline = time.monotonic() + _TRACER_GRACE
        while self._tracer and self._status is not None and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.001)
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)


def _trace(ours: socket.socket, theirs: socket.socket, control: socket.socket, root: os.stat_result) -> None:
    theirs.close()  # so that the runtime's going without a word is seen here
    _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    ours.close()
    if descriptors:
        Tracer(Listener(descriptors[0]), root, lambda event: _send(control, event)).run()


def _probe(wanted: Probe) -> dict[str, object]:
    deadline = time.monotonic_ns() + int(wanted.timeout * _NANOSECONDS)
    event = probe(wanted.port, wanted.path, deadline)
    if wanted.more and event["reason"] == "":
        ask_again(event, wanted.port, wanted.path, wanted.more)
    return event


def _silence() -> None:
    """Let go of the program's input and output, so that they end when the program does."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


@contextlib.contextmanager
def _child_signals() -> Iterator[socket.socket]:
    """Give a socket that becomes readable when a child ends."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield ours
    finally:
        signal.set_wakeup_fd(-1)
        ours.close()
        theirs.close()


def _drain(children: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        children.recv(_PACKET)


def _send(control: socket.socket, event: dict[str, object]) -> None:
    with contextlib.suppress(OSError):
        control.send(json.dumps(event).encode())


def _failed(error: BaseException) -> dict[str, object]:
    hint = error.hint if isinstance(error, namespaces.UnsuitableError) else None
    return {"event": "failed", "reason": _reason(error), "hint": hint}


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, namespaces.UnsuitableError):
        return str(error)
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
