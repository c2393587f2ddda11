"""A step of a build: one command on an overlay of layers, in a cell of its own.

The cell holds the mounts, so they are gone when it is; what the command wrote stays in the upper directory.
"""

import contextlib
import os
import selectors
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.errors import SandboxError, StepTimeout
from smidgen.sandbox.cell.job import Job, Overlay, Secret
from smidgen.sandbox.container import Container
from smidgen.sandbox.identity import Identity
from smidgen.sandbox.runtime import Command, Runtime, prepare, runtime_complaint
from smidgen.sandbox.session import Session, host_environment
from smidgen.sandbox.stop import Stop, Stopped

_READ: Final = 1 << 16
#: More than any build has at once, and few enough that a machine survives a command that forks without end.
MOST_PROCESSES: Final = 16_384

Output = Callable[[bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFile:
    """A file that the command may read and that is never on a disk.

    Attributes:
        name: Of the file below ``Place.secrets``.
        content: Its bytes.
        mode: Permission bits.
        uid: Owner.
        gid: Group.
    """

    name: str
    content: bytes
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is run on what.

    Attributes:
        container: The command and its surroundings.
        overlays: What to mount before, the container's root first.
        private_network: Loopback only.
        secrets: Files in memory; binds name them by ``secret_path``.
        drafts: Directories to remove when this process dies.
        timeout: Most seconds, or None.
    """

    container: Container
    overlays: tuple[Overlay, ...]
    private_network: bool = False
    secrets: tuple[SecretFile, ...] = ()
    drafts: tuple[Path, ...] = ()
    timeout: float | None = None


def secret_path(directory: Path, name: str) -> str:
    """Name the file of a secret of the run in *directory*."""
    return f"{directory}/secrets/{name}"


def run_step(step: Step, directory: Path, runtime: Runtime, identity: Identity, *, output: Output, stop: Stop) -> int:
    """Run a step to its end; give the command's exit code, 128 + N where signal N ended it.

    Args:
        step: What to run.
        directory: Of this run, see ``run_directory``.
        runtime: What runs it.
        identity: With which rights.
        output: Takes what the command writes, both its outputs in one.
        stop: Ends it.

    Raises:
        SandboxError: It could not be set up.
        StepTimeout: It took too long.
        Stopped: It was ended.
    """
    (bundle := directory / f"{directory.name}-0").mkdir()
    command = prepare(runtime, step.container, identity, bundle)
    with contextlib.ExitStack() as stack:
        descriptors = [stack.enter_context(_in_memory(one)) for one in step.secrets]
        job = _job(step, directory, command, descriptors)
        reading, writing = os.pipe2(os.O_CLOEXEC)
        stack.callback(os.close, reading)
        try:
            session = Session(job, identity, output=writing, descriptors=tuple(descriptors))
        finally:
            os.close(writing)
        code, is_set_up = _follow(stack.enter_context(session), reading, output, stop, step.timeout)
    if code:
        complaint = runtime_complaint(command)
        if complaint is not None:
            raise SandboxError(f"the runtime could not run the command: {complaint}")
        if not is_set_up:
            raise SandboxError("bubblewrap could not set the container up; its own words are above")
    return code


def _job(step: Step, directory: Path, command: Command, descriptors: Sequence[int]) -> Job:
    return Job(
        directory=str(directory),
        root=step.container.root,
        arguments=command.arguments,
        environment=host_environment(),
        private_network=step.private_network,
        pid_file=command.pid_file,
        info=command.info,
        filter_path=command.filter_path,
        stage=command.stage,
        drop_to=command.drop_to,
        groups=command.groups,
        overlays=list(step.overlays),
        secrets=[
            Secret(descriptor=descriptor, name=one.name, mode=one.mode, uid=one.uid, gid=one.gid)
            for one, descriptor in zip(step.secrets, descriptors, strict=True)
        ],
        drafts=[str(one) for one in step.drafts],
        most_processes=MOST_PROCESSES,
    )


def _follow(session: Session, reading: int, output: Output, stop: Stop, timeout: float | None) -> tuple[int, bool]:
    """Pass on what the command writes until the cell has ended; give the exit code and whether it came to run."""
    deadline = None if timeout is None else time.monotonic() + timeout
    ended: list[tuple[int, bool]] = []
    with selectors.DefaultSelector() as selector:
        selector.register(session, selectors.EVENT_READ, lambda: _heard(session, ended))
        selector.register(reading, selectors.EVENT_READ, lambda: _read(reading, output))
        selector.register(stop, selectors.EVENT_READ)
        while len(selector.get_map()) > 1:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            for key, _ in selector.select(left):
                if key.fileobj is stop:
                    raise Stopped
                if not key.data():
                    selector.unregister(key.fileobj)
            if not ended and timeout is not None and deadline is not None and time.monotonic() >= deadline:
                raise StepTimeout(timeout)
    if not ended:
        raise SandboxError("the container ended without a word", hint="was its process killed?")
    return ended[0]


def _read(reading: int, output: Output) -> bool:
    """Pass on a piece of what the command writes; False at the end."""
    data = os.read(reading, _READ)
    if data:
        output(data)
    return bool(data)


def _heard(session: Session, ended: list[tuple[int, bool]]) -> bool:
    """Take one message of the cell; False at the end."""
    event = session.receive()
    if event is not None and event["event"] == "exit":
        ended.append((int(event["code"]), bool(event["set_up"])))
    return event is not None


@contextlib.contextmanager
def _in_memory(secret: SecretFile) -> Iterator[int]:
    """Give a descriptor to read a secret from."""
    descriptor = os.memfd_create("secret", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(secret.content)
        yield descriptor
    finally:
        os.close(descriptor)
