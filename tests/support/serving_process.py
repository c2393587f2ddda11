"""``smidgen serve`` in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.asking import Asker

_STOP_LIMIT = 60


@dataclass(frozen=True)
class Serving:
    """A registry that runs.

    Attributes:
        process: The program, whose standard error is a pipe.
        ask: Asks it.
    """

    process: subprocess.Popen[str]
    ask: Asker

    @property
    def address(self) -> str:
        return self.ask.address

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal; give the exit code, and what it wrote to both its outputs after its address."""
        self.process.send_signal(number)
        stdout, stderr = self.process.communicate(timeout=_STOP_LIMIT)
        return self.process.returncode, stdout, stderr


@contextmanager
def serving_process(store: Path, *options: str | Path, under: Sequence[str] = ()) -> Iterator[Serving]:
    """Serve *store* on a free port as long as the block takes.

    Args:
        store: Its root.
        options: Further ones of ``smidgen serve``.
        under: A program that starts it, with arguments.
    """
    command = [*under, sys.executable, "-m", "smidgen", "serve", "--listen", "127.0.0.1:0", *map(str, options)]
    with subprocess.Popen(
        command,
        env=os.environ | {"SMIDGEN_STORE": str(store)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            assert process.stderr
            address = process.stdout.readline().strip()
            assert address, process.stderr.read()
            yield Serving(process, Asker(address))
        finally:
            process.kill()
