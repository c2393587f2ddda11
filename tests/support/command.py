"""The real command line, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

_COMMAND = (sys.executable, "-m", "smidgen")
#: Before the command of a server: it ends when the thread that started it does, so also when the tests are killed.
ENDS_WITH_US = ("setpriv", "--pdeathsig", "TERM", "--")
# Seconds: for a machine that has much else to do, and compiles C++ beside it.
_LIMIT = 900.0


@dataclass(frozen=True)
class Outcome:
    """How a process ended, with all that it wrote."""

    arguments: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """Standard output, one line an item."""
        return self.stdout.splitlines()

    @property
    def json(self) -> Any:
        """Standard output as the JSON that it is."""
        return json.loads(self.stdout)

    def __str__(self) -> str:
        return f"{' '.join(self.arguments)}: exit code {self.exit_code}\n{self.stdout}\n{self.stderr}"


@dataclass(frozen=True)
class Smidgen:
    """``smidgen`` with a store, a working directory and variables of its own."""

    store: Path
    cwd: Path
    environ: tuple[tuple[str, str], ...] = ()

    def __call__(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        fails: bool = False,
        env: Mapping[str, str] = MappingProxyType({}),
    ) -> Outcome:
        """Run ``smidgen ARGUMENTS``; with *fails* it must not exit with 0, else it must."""
        outcome = run(*_COMMAND, *arguments, cwd=cwd or self.cwd, env=self._environment | dict(env))
        assert (outcome.exit_code != 0) == fails, outcome
        return outcome

    def through(
        self, launcher: Sequence[str | Path], *arguments: str | Path, env: Mapping[str, str] = MappingProxyType({})
    ) -> Outcome:
        """Run ``smidgen ARGUMENTS`` by way of another program, such as one that gives it an input."""
        return run(*launcher, *_COMMAND, *arguments, cwd=self.cwd, env=self._environment | dict(env))

    @contextmanager
    def running(self, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
        """Run ``smidgen ARGUMENTS`` as long as the block takes, then end it as a service manager does."""
        with subprocess.Popen(
            [*_COMMAND, *map(str, arguments)],
            cwd=self.cwd,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()
                # The files of a whole toolchain are removed, perhaps beside other tests.
                process.wait(180)

    @property
    def _environment(self) -> dict[str, str]:
        return os.environ | {"SMIDGEN_STORE": str(self.store)} | dict(self.environ)


def run(
    *command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None, limit: float = _LIMIT
) -> Outcome:
    """Run any program to its end, for *limit* seconds at most."""
    arguments = tuple(str(one) for one in command)
    with subprocess.Popen(
        arguments,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            # So that it ends what it has started: compilers that nobody waits for would be in the next tests' way.
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=60)
            raise
        finally:
            process.kill()
    return Outcome(arguments, process.returncode, stdout, stderr)


def must(
    *command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None, limit: float = _LIMIT
) -> str:
    """Run a program that has to succeed, and give its standard output."""
    outcome = run(*command, cwd=cwd, env=env, limit=limit)
    assert outcome.exit_code == 0, outcome
    return outcome.stdout
