"""Commands of a flow: in the image that a step has built, and on this machine."""

import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from smidgen.dockerfile.execute.build import Executed
from smidgen.dockerfile.execute.layers import Chain, Result
from smidgen.dockerfile.execute.output_tail import OutputTail
from smidgen.dockerfile.execute.report import StepName, Watcher
from smidgen.dockerfile.execute.run import run
from smidgen.dockerfile.location import Location
from smidgen.dockerfile.state import StageState
from smidgen.dockerfile.steps import RunStep
from smidgen.errors import ConfigError, SmidgenError, StepFailed, StepTimeout
from smidgen.flow.bench import Bench
from smidgen.flow.build_file import Flow, FlowStep, Text

_PATIENCE: Final = 2.0


@dataclass(frozen=True, slots=True)
class InImage:
    """Runs commands on what a Dockerfile came to.

    Attributes:
        flow: Shows where a command stands.
        executed: The build.
        state: Environment, user and directory.
        watcher: Is told.
    """

    flow: Flow
    executed: Executed
    state: StageState
    watcher: Watcher

    def run(self, command: Text, name: StepName, chain: Chain) -> Result:
        """Run *command*, without a shell, on *chain*; give what it changed.

        Raises:
            StepFailed: It failed; shows where it stands.
            ConfigError: It cannot be started.
        """
        words = self._words(command)
        builder = self.executed.builder
        tail = OutputTail(lambda line: self.watcher.wrote(name, line), builder.options.secrets.values())
        began = time.monotonic()
        self.watcher.started(name)
        try:
            result, code = run(builder.kitchen, self._step(command, words), chain, builder.new_name(), tail.take)
        except StepTimeout as error:
            tail.finish()
            raise self._failed(command, f"it took more than {error.seconds:g} seconds", 124, tail) from error
        except SmidgenError as error:
            raise self.flow.error(error.message, command.mark, hint=error.hint) from error
        tail.finish()
        if code:
            raise self._failed(command, f"exit code {code}", code, tail)
        self.watcher.finished(name, time.monotonic() - began)
        return result

    def run_all(self, commands: Iterable[tuple[Text, StepName]], chain: Chain) -> Chain:
        """Run *commands* one on what the other left; give the layers in the end."""
        for command, name in commands:
            chain = (*chain, self.run(command, name, chain))
        return chain

    def _words(self, command: Text) -> tuple[str, ...]:
        try:
            words = shlex.split(command.value)
        except ValueError as error:
            raise self.flow.error(
                f"the command is not complete: {error}", command.mark, hint="close the quote"
            ) from None
        if not words:
            raise self.flow.error("the command is empty", command.mark)
        return tuple(words)

    def _step(self, command: Text, words: tuple[str, ...]) -> RunStep:
        where = Location(
            file=self.flow.document.name, line=command.mark.line, last_line=command.mark.line, code=command.written
        )
        return RunStep(
            location=where,
            title=command.shown,
            created_by="",
            arguments=words,
            environment=tuple(
                (name, value) for name, _, value in (e.partition("=") for e in self.state.config.env or ())
            ),
            proxies=(),
            user=self.state.config.user,
            directory=self.state.directory,
            mounts=(),
            network="default",
            security="sandbox",
        )

    def _failed(self, command: Text, why: str, code: int, tail: OutputTail) -> StepFailed:
        return failed(self.flow.error(f"the command failed: {why}", command.mark), code, tail.text)


def failed(fault: ConfigError, code: int, output: str) -> StepFailed:
    """Make the error of a command from the one that shows where it stands."""
    text = f"{fault.message}\nthe end of what it wrote:\n{output}" if output else fault.message
    hint = "commands are started without a shell" if code == 127 else None
    return StepFailed(text, status=code, output=output, hint=hint)


def run_here(bench: Bench, step: FlowStep) -> None:
    """Run what *step* wants to be run on this machine: with a shell, in the working directory.

    Raises:
        StepFailed: It failed; shows where it stands.
    """
    command = step.after_build_command
    if command is None:
        return
    name = StepName(step.label, 1, 1, f"on this machine: {command.shown}")
    tail = OutputTail(lambda line: bench.watcher.wrote(name, line), bench.secrets.values())
    began = time.monotonic()
    bench.watcher.started(name)
    process = subprocess.Popen(
        ["/bin/sh", "-c", command.value],
        cwd=bench.options.directory,
        env=dict(bench.options.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        start_new_session=True,
    )
    # What it leaves in the background may hold its output open; that is not waited for.
    reader = threading.Thread(target=_pass_on, args=(process, tail), daemon=True)
    reader.start()
    try:
        code = process.wait(bench.options.timeout)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join(_PATIENCE)
        if isinstance(error, subprocess.TimeoutExpired):
            fault = bench.flow.error(f"the command failed: it took more than {error.timeout:g} seconds", command.mark)
            raise failed(fault, 124, tail.text) from None
        raise
    reader.join(_PATIENCE)
    tail.finish()
    if code:
        code = 128 - code if code < 0 else code
        raise failed(bench.flow.error(f"the command failed: exit code {code}", command.mark), code, tail.text)
    bench.watcher.finished(name, time.monotonic() - began)


def _pass_on(process: "subprocess.Popen[bytes]", tail: OutputTail) -> None:
    assert process.stdout is not None  # noqa: S101 (a pipe was asked for)
    with process.stdout as output:
        while data := output.read(1 << 16):
            tail.take(data)
