"""What programs with C are measured with."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.bases import Base
from benchmarks.cgo_docker import Docker2Stages
from benchmarks.cgo_programs import Program


@dataclass(frozen=True)
class Bench:
    """What is measured with.

    Attributes:
        work: A directory on the disk.
        rounds: How often what takes little time is repeated.
        bases: Name → base; the old distroless too.
        stages: Docker.
        environ: Variables for builds that are not timed.
        libraries: A directory for what zig compiles once; it may outlive the run.
    """

    work: Path
    rounds: int
    bases: Mapping[str, Base]
    stages: Docker2Stages
    environ: Mapping[str, str]
    libraries: Path

    def median(self, action: Callable[[int], object]) -> float:
        """Time *action*, which gets the number of the round."""
        return statistics.median(seconds_of(partial(action, number)) for number in range(self.rounds))

    def smidgen(
        self, program: Program, sources: Path, *options: str, environ: Mapping[str, str], store: str = "store"
    ) -> str:
        """Build *program* in *sources*, or an image of what was compiled there; gives what smidgen writes."""
        command = ["build", "--no-prove", "-t", f"smidgen-{program.name}", *options]
        command += program.options or ["--binary", str(sources / "program")]
        return self.command(*command, cwd=sources, environ={"GOFLAGS": "-buildvcs=false", **environ}, store=store)

    def command(self, *words: str, cwd: Path, environ: Mapping[str, str] | None = None, store: str = "store") -> str:
        """Run ``smidgen WORDS`` with a store; gives what it writes."""
        variables = os.environ | {"SMIDGEN_STORE": str(self.work / store)} | dict(environ or {})
        command = [sys.executable, "-m", "smidgen", *words]
        return subprocess.run(command, cwd=cwd, env=variables, check=True, capture_output=True, text=True).stdout


def caches(directory: Path) -> dict[str, str]:
    """Give variables that keep what compilers and smidgen keep below *directory*."""
    return {
        "GOCACHE": str(directory / "go"),
        "CARGO_TARGET_DIR": str(directory / "cargo"),
    }


def seconds_of(action: Callable[[], object]) -> float:
    """Time *action*."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
