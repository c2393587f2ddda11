"""One watched run of a planned container: what it did, when, and with how much memory."""

import os
import selectors
import signal
import time
from dataclasses import dataclass, field
from typing import Final

from smidgen.sandbox.cell.job import Probe
from smidgen.sandbox.launch import Plan, Started, start
from smidgen.sandbox.missing import Sought, State
from smidgen.sandbox.runtime import runtime_complaint
from smidgen.sandbox.session import Event

_OUTPUT: Final = 64 << 10
_CHUNK: Final = 1 << 16
#: How long a program may take to stop when it is told to, in seconds; then it is killed.
STOP_LIMIT: Final = 2.0
# Beyond the limit, for the runtime's own start and end: whatever hangs is ended.
_SPARE: Final = 30.0
_MILLISECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """How to watch.

    Attributes:
        files: Also what it looks for; slows it down.
        limit: Seconds after which the run is ended.
        stop_signal: With which to end it; None kills it at once.
        probe: What to request; its end is the run's end.
        until_output: The first thing that it writes is the run's end.
    """

    files: bool
    limit: float
    stop_signal: int | None = None
    probe: Probe | None = None
    until_output: bool = False


@dataclass(slots=True, kw_only=True)
class Observation:
    """What was seen; the fields are those of ``Proof``, and:

    Attributes:
        reason: Why there was no answer, in the words of the kernel.
        complaint: What the runtime says went wrong, or empty.
        sought: What the program looked for.
        first_output: Milliseconds from the program's start to the first thing that it wrote, or None.
        anonymous: Bytes of memory, when *resident* was taken, that no file of the image has; or None.
        processor: Nanoseconds that it had run on processors by then, or None.
    """

    started: bool = False
    status: int | None = None
    first_answer: float | None = None
    set_up: float | None = None
    resident: int | None = None
    peak: int | None = None
    ended: bool = False
    exit_code: int | None = None
    stopped: float | None = None
    untraced: str = ""
    output: str = ""
    reason: str = ""
    complaint: str = ""
    sought: list[Sought] = field(default_factory=list)
    first_output: float | None = None
    anonymous: int | None = None
    processor: int | None = None


def observe(made: Plan, watching: Watching) -> Observation:
    """Run the container of a plan until it has ended, answered, or its time is over.

    Raises:
        SandboxError: The container could not be set up.
    """
    reading, writing = os.pipe()
    try:
        try:
            began = time.monotonic_ns()
            watch = "files" if watching.files else "life"
            started = start(made, watch=watch, probe=watching.probe, output=writing)
        finally:
            os.close(writing)
        with started:
            return _Run(watching, started, reading, began).finish()
    finally:
        os.close(reading)


class _Run:
    """The state of a run while it lasts."""

    def __init__(self, watching: Watching, started: Started, output: int, began: int) -> None:
        self._watching = watching
        self._started = started
        self._session = started.session
        self._output = output
        self._tail = bytearray()
        self._began = began
        self._executed: int | None = None
        self._program = 0
        self._stop_sent: int | None = None
        self._exit: Event | None = None
        self._seen = Observation()
        self._deadline = time.monotonic() + _SPARE + watching.limit

    def finish(self) -> Observation:
        """Follow the run to its end."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._session, selectors.EVENT_READ)
            selector.register(self._output, selectors.EVENT_READ)
            goes_on = True
            while goes_on:
                left = self._deadline - time.monotonic()
                if left <= 0:
                    goes_on = self._time_is_over()
                    continue
                # What the program did comes before what it wrote.
                for key, _ in sorted(selector.select(left), key=lambda one: one[0].fileobj is not self._session):
                    if key.fileobj is self._session:
                        goes_on = self._read_event()
                    elif not self._read_output():
                        selector.unregister(self._output)
        # Whoever could still write to the pipe goes with the cell, so that the reading ends.
        self._session.close()
        while self._read_output():
            pass
        self._conclude()
        return self._seen

    def _read_output(self) -> bool:
        data = os.read(self._output, _CHUNK)
        self._tail += data
        del self._tail[:-_OUTPUT]
        if data and self._watching.until_output and self._seen.first_output is None and self._executed is not None:
            self._seen.first_output = (time.monotonic_ns() - self._executed) / _MILLISECOND
            if self._exit is None:
                self._ask_memory()
        return bool(data)

    def _read_event(self) -> bool:
        event = self._session.receive()
        if event is None:
            return False
        handler = getattr(self, f"_on_{event['event']}", None)
        if handler is not None:
            handler(event)
        return True

    def _on_exec(self, event: Event) -> None:
        self._executed, self._program = event["at"], event["pid"]
        self._seen.set_up = (event["at"] - self._began) / _MILLISECOND
        self._seen.started = True
        if self._watching.probe is None:
            self._deadline = time.monotonic() + self._watching.limit

    def _on_pid(self, _event: Event) -> None:
        # Without a tracer this is the first sign of life, and all that can be known of the start.
        if not self._seen.started and self._seen.untraced:
            self._seen.started = True
            if self._watching.probe is None:
                self._deadline = time.monotonic() + self._watching.limit

    def _on_untraced(self, event: Event) -> None:
        self._seen.untraced = f"the kernel does not allow it: {event['reason']}"

    def _on_sought(self, event: Event) -> None:
        self._seen.sought.append(Sought(event["path"], State(event["state"])))

    def _on_answer(self, event: Event) -> None:
        self._seen.status, self._seen.reason = event["status"], event["reason"]
        if event["first"] is not None:
            begin = self._executed if self._executed is not None else self._began
            self._seen.first_answer = (event["first"] - begin) / _MILLISECOND
        self._ask_memory()

    def _on_memory(self, event: Event) -> None:
        self._remember(event)
        self._stop()

    def _on_exiting(self, event: Event) -> None:
        if self._stop_sent is None:
            self._remember(event)

    def _on_exit(self, event: Event) -> None:
        self._exit = event
        if self._stop_sent is not None:
            self._seen.stopped = (time.monotonic_ns() - self._stop_sent) / _MILLISECOND

    def _remember(self, event: Event) -> None:
        self._seen.resident = event.get("resident", self._seen.resident)
        self._seen.peak = event.get("peak", self._seen.peak)
        self._seen.anonymous = event.get("anonymous", self._seen.anonymous)
        self._seen.processor = event.get("processor", self._seen.processor)

    def _ask_memory(self) -> None:
        self._deadline = time.monotonic() + STOP_LIMIT
        self._session.send({"memory": self._program})

    def _time_is_over(self) -> bool:
        """Do the next thing: ask for its memory, tell it to stop; False when only ending the cell is left."""
        if self._seen.resident is None and self._stop_sent is None and self._exit is None:
            self._ask_memory()
        elif self._stop_sent is None:
            self._stop()
        else:
            return False
        return True

    def _stop(self) -> None:
        number = self._watching.stop_signal
        self._stop_sent = time.monotonic_ns()
        self._deadline = time.monotonic() + STOP_LIMIT + _SPARE
        if number is None:
            self._session.send({"signal": signal.SIGKILL})
        else:
            self._session.send({"signal": number, "kill_after": STOP_LIMIT})

    def _conclude(self) -> None:
        self._seen.output = self._tail.decode("utf-8", "replace")
        if self._exit is None:
            return
        code = self._exit["code"]
        if code and (complaint := runtime_complaint(self._started.command)):
            self._seen.complaint, self._seen.started = complaint, False
        elif not self._exit["set_up"]:
            self._seen.complaint, self._seen.started = self._seen.output.strip() or "no reason given", False
        if self._stop_sent is None:
            self._seen.exit_code, self._seen.ended = code, True
        elif code == 128 + signal.SIGKILL and self._watching.stop_signal != signal.SIGKILL:
            self._seen.stopped = None
        else:
            self._seen.exit_code = code
