"""``smidgen run`` as a program of its own, with certain rights."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from smidgen.sandbox.identity import find_identity
from smidgen.store.content import ContentStore
from support.command import Outcome
from support.sandbox_rights import Rights

#: Seconds after which a run has failed.
LIMIT = 60.0


@dataclass(frozen=True)
class Runner:
    """``smidgen run`` with a runtime and certain rights."""

    rights: Rights
    store: ContentStore
    runtime: str

    def command(self, *arguments: str) -> list[str]:
        return self.rights.command("run", "--store", self.store.root, "--runtime", self.runtime, *arguments)

    def __call__(self, *arguments: str, text: str = "", code: int | None = 0, **environ: str) -> Outcome:
        command = self.command(*arguments)
        environment = self.rights.environment(environ)
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, env=environment, timeout=LIMIT, check=False, cwd="/"
        )
        outcome = Outcome(tuple(command), done.returncode, done.stdout, done.stderr)
        assert code is None or outcome.exit_code == code, outcome
        return outcome

    @contextlib.contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        environment = self.rights.environment({})
        with subprocess.Popen(
            self.command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd="/",
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @property
    def is_exact(self) -> bool:
        """Whether the program has the ids that were asked for."""
        return self.runtime == "bwrap" or self.kind not in {"single", "nested"}

    @property
    def kind(self) -> str:
        """What smidgen makes of the rights."""
        return find_identity().rights.value if self.rights.name == "own" else self.rights.name
