"""Running an image in the foreground."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from smidgen.errors import SandboxError, UsageError
from smidgen.image.image import Image
from smidgen.oci.platform import Platform
from smidgen.sandbox.engine import run_with_engine
from smidgen.sandbox.identity import find_identity
from smidgen.sandbox.launch import Started, Wishes, plan, start
from smidgen.sandbox.ports import Publish, listen
from smidgen.sandbox.rootfs import prepared_rootfs
from smidgen.sandbox.runtime import find_runtime, runtime_complaint
from smidgen.sandbox.session import Session
from smidgen.transfer.engine import ENGINES

#: How long a program may take to stop before it is killed, in seconds, as with ``docker stop``.
STOP_TIMEOUT: Final = 10.0
_INSIST: Final = 3
_FORWARDED: Final = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How an image is run.

    Attributes:
        wishes: How the container differs from what the image says.
        publish: Ports of the container to be reached from the host.
        network: ``private`` (loopback only), ``host``, ``none`` (as private), or ``auto``: private where
            ports are published, else the host's.
        platform: Which image of an index; None is this machine's.
        interactive: The program reads this process's standard input.
    """

    wishes: Wishes = field(default_factory=Wishes)
    publish: tuple[Publish, ...] = ()
    network: str = "auto"
    platform: Platform | None = None
    interactive: bool = False


def run_image(image: Image, options: RunOptions, *, note: Note = lambda _: None) -> int:
    """Run *image* until its program ends; give the program's exit code, 128 + N where signal N ended it.

    Standard output and error are the program's alone. In the main thread, signals are passed on: SIGTERM
    as the image's stop signal, with SIGKILL ten seconds later; a third SIGINT kills.

    Raises:
        ProgramNotFound: The image does not have the program.
        RuntimeNotFound: There is nothing to run it with.
        SandboxError: The container could not be set up, or a port is taken.
    """
    private = _is_private(options)
    single = image.for_platform(options.platform)
    if (engine := ENGINES.get(options.wishes.runtime)) is not None:
        interactive, network = options.interactive, options.network
        return run_with_engine(
            engine, single, options.wishes, options.publish, network=network, interactive=interactive
        )
    identity = find_identity()
    find_runtime(options.wishes.runtime, identity, 0, 0)
    with contextlib.ExitStack() as stack:
        listening = listen(options.publish)
        for one in listening:
            stack.callback(one.socket.close)
            note(f"port {one.port} is published at {one.address}")
        root = stack.enter_context(prepared_rootfs(single, identity))
        wishes = _with_network(options.wishes, private=private)
        made = plan(single, root, identity, wishes)
        for text in made.notes:
            note(text)
        stdin = None if options.interactive else subprocess.DEVNULL
        started = stack.enter_context(start(made, listening=listening, stdin=stdin))
        stop_signal = parse_signal(single.config.run.stop_signal)
        with forwarded_signals(started.session, stop_signal):
            return _wait(started)


def parse_signal(text: str) -> int:
    """Read a stop signal, a name or a number; SIGTERM where there is none, or none that is known here."""
    if text.isdecimal() and 1 <= int(text) < signal.NSIG:
        return int(text)
    name = text.upper()
    found = signal.Signals.__members__.get(name if name.startswith("SIG") else f"SIG{name}")
    return found if found is not None else signal.SIGTERM


@contextlib.contextmanager
def forwarded_signals(session: Session, stop_signal: int) -> Iterator[None]:
    """Pass this process's signals to the program while the context lasts; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupts = 0

    def stop(_number: int, _frame: object) -> None:
        session.send({"signal": stop_signal, "kill_after": STOP_TIMEOUT})

    def interrupt(number: int, _frame: object) -> None:
        nonlocal interrupts
        interrupts += 1
        session.send({"signal": number if interrupts < _INSIST else signal.SIGKILL})

    def forward(number: int, _frame: object) -> None:
        session.send({"signal": number})

    handlers = {signal.SIGTERM: stop, signal.SIGINT: interrupt, **dict.fromkeys(_FORWARDED, forward)}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(started: Started) -> int:
    exit_event = None
    while (event := started.session.receive()) is not None:
        if event["event"] == "exit":
            exit_event = event
    if exit_event is None:
        raise SandboxError("the container ended without a word", hint="was its process killed?")
    code = int(exit_event["code"])
    if code != 0:
        complaint = runtime_complaint(started.command)
        if complaint is not None:
            raise SandboxError(f"the runtime could not run the container: {complaint}")
        if not exit_event["set_up"]:
            raise SandboxError("bubblewrap could not set the container up; its own words are above")
    return code


def _is_private(options: RunOptions) -> bool:
    if options.network not in {"auto", "private", "host", "none"}:
        raise UsageError(f"unknown network {options.network!r}", hint="expected private, host or none")
    if options.network == "host" and options.publish:
        raise UsageError("ports cannot be published in the host's network", hint="leave out -p: they are there already")
    return options.network in {"private", "none"} or bool(options.publish)


def _with_network(wishes: Wishes, *, private: bool) -> Wishes:
    return replace(wishes, private_network=private)
