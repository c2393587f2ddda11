"""``make bench``: measures side by side, and writes the table.

Takes some minutes, most of them ``docker build``'s; the first run also downloads and compiles the programs.
"""

import argparse
import json
import os
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import msgspec
from benchmarks import cgo, cgo_modules, cgo_platforms, closure, docker, dockerfile, explain, probes
from benchmarks import registry as registries
from benchmarks.contenders import Contender, GoBuild, Ko, Smidgen
from benchmarks.programs import PROGRAMS, Checkout, Program
from benchmarks.results import ProgramFigures, Results
from benchmarks.surroundings import empty_base, registry
from benchmarks.table import NOTHING, ONE_LINE, PLATFORMS, render

from support.dockerd import running_dockerd
from support.go_tools import CRANE, KO, go_tool

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Arena:
    """All contenders, ready to build.

    Attributes:
        docker: None where no daemon can be started.
        registry: ``127.0.0.1:PORT``.
    """

    work: Path
    rounds: int
    go: GoBuild
    ko: Ko
    smidgen: Smidgen
    docker: docker.DockerBuild | None
    registry: str

    @property
    def quick(self) -> tuple[Contender, ...]:
        """Those that take so little time that they can be repeated."""
        return (self.go, self.ko, self.smidgen)


_PAUSE = 0.2


def main() -> None:
    """Measure everything, and write results.json and README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--programs", nargs="*", default=[one.name for one in PROGRAMS])
    parser.add_argument("--without-docker", action="store_true")
    parser.add_argument("--output", type=Path, default=_HERE, help="Directory of results.json and README.md.")
    options = parser.parse_args()
    results = Results(machine=probes.machine())
    with tempfile.TemporaryDirectory(prefix="smidgen-bench-") as name, ExitStack() as stack:
        arena = _arena(Path(name), options.rounds, stack, results, with_docker=not options.without_docker)
        numbers = count(1)
        for program in PROGRAMS:
            if program.name in options.programs:
                results.programs[program.name] = _measure(arena, program, numbers)
        say("starting, and memory")
        results.version_seconds, results.python_seconds = probes.starting(30)
        results.peak_memory = probes.peak_memory(Checkout.make(replace(PROGRAMS[0]), arena.work / "memory"), arena.work)
    encoded = msgspec.json.format(msgspec.json.encode(results), indent=1)
    (options.output / "results.json").write_bytes(encoded + b"\n")
    (options.output / "README.md").write_text(render(results))
    print(render(results))


def say(text: str) -> None:
    """Tell what is going on."""
    print(text, file=sys.stderr, flush=True)


def _arena(work: Path, rounds: int, stack: ExitStack, results: Results, *, with_docker: bool) -> Arena:
    say("preparing ko, a registry and docker")
    crane = go_tool(CRANE)
    host = stack.enter_context(registry(crane, work))
    ko = Ko(work / "ko", go_tool(KO), empty_base(crane, host, work))
    arena = Arena(work, rounds, GoBuild(work), ko, Smidgen(work / "smidgen"), None, host)
    why_not = _why_no_docker()
    if not with_docker or why_not:
        results.remarks.append(f"docker build was not measured: {why_not or 'it was switched off'}.")
        return arena
    daemon = stack.enter_context(running_dockerd(storage_driver="overlay2"))
    docker.make_go_image(daemon, work)
    results.machine["docker"] = docker.version(daemon)
    return replace(arena, docker=docker.DockerBuild(daemon))


def _why_no_docker() -> str | None:
    if os.geteuid():
        return "a daemon of its own needs root"
    missing = [name for name in ("docker", "dockerd") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not found" if missing else None


def _measure(arena: Arena, program: Program, numbers: Iterator[int]) -> ProgramFigures:
    figures = ProgramFigures()
    checkout = Checkout.make(program, arena.work / "sources")
    say(f"{program.name}: first builds")
    for contender in arena.quick:
        contender.build(checkout)
    _sizes(arena, checkout, figures)
    say(f"{program.name}: {NOTHING}")
    figures.seconds[NOTHING] = _take_turns(arena, arena.quick, lambda one: one.build(checkout))
    say(f"{program.name}: {ONE_LINE}")
    figures.seconds[ONE_LINE] = _take_turns(
        arena, arena.quick, lambda one: one.build(checkout), before=lambda: checkout.edit(next(numbers))
    )
    say(f"{program.name}: {PLATFORMS}")
    figures.seconds[PLATFORMS] = _platforms(arena, checkout, numbers)
    if arena.docker:
        say(f"{program.name}: docker build")
        _docker(arena.docker, checkout, figures, arena.registry, next(numbers))
    return figures


def _take_turns(
    arena: Arena,
    contenders: Sequence[Contender],
    act: Callable[[Contender], None],
    before: Callable[[], None] = lambda: None,
) -> dict[str, list[float]]:
    """Time *act* for each contender in turn; the first of a round is another one each time."""
    seconds: dict[str, list[float]] = {one.name: [] for one in contenders}
    for number in range(arena.rounds):
        at = number % len(contenders)
        for contender in (*contenders[at:], *contenders[:at]):
            before()
            # Nobody saves a file and builds in the same tick of the clock, and only what is older can be vouched for.
            time.sleep(_PAUSE)
            begin = time.perf_counter()
            act(contender)
            seconds[contender.name].append(time.perf_counter() - begin)
    return seconds


def _platforms(arena: Arena, checkout: Checkout, numbers: Iterator[int]) -> dict[str, list[float]]:
    """Time four platforms from a warm Go cache and nothing else."""
    both = (arena.ko, arena.smidgen)
    arena.smidgen.build_platforms(checkout, next(numbers))
    seconds: dict[str, list[float]] = {one.name: [] for one in both}
    for number in range(3):
        for contender in both if number % 2 else both[::-1]:
            begin = time.perf_counter()
            contender.build_platforms(checkout, next(numbers))
            seconds[contender.name].append(time.perf_counter() - begin)
    return seconds


def _docker(
    contender: docker.DockerBuild, checkout: Checkout, figures: ProgramFigures, registry_host: str, number: int
) -> None:
    contender.prepare(checkout)
    checkout.edit(number)
    for measure, rounds in ((ONE_LINE, 1), (NOTHING, 3)):
        times = figures.seconds[measure].setdefault(contender.name, [])
        for _ in range(rounds):
            begin = time.perf_counter()
            contender.build(checkout)
            times.append(time.perf_counter() - begin)
    figures.pull_size[contender.name] = contender.pull_size(checkout, registry_host)


def _sizes(arena: Arena, checkout: Checkout, figures: ProgramFigures) -> None:
    as_it_comes = replace(arena.ko, work=arena.work / "ko-as-it-comes", ldflags=())
    figures.pull_size = {
        "ko": arena.ko.pull_size(checkout),
        "ko as it comes": as_it_comes.pull_size(checkout),
        "smidgen": arena.smidgen.pull_size(checkout),
    }
    needs = _needs(arena.smidgen.layout(checkout))
    figures.floor, figures.binary = probes.floor(arena.go, checkout, needs)


def _needs(layout: Path) -> bytes:
    """Give the content of all files of an image but its entrypoint."""

    def blob(digest: str) -> Path:
        return layout / "blobs" / digest.replace(":", "/")

    manifest = json.loads(blob(json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]).read_text())
    entrypoint = json.loads(blob(manifest["config"]["digest"]).read_text())["config"]["Entrypoint"][0].lstrip("/")
    contents = []
    for layer in manifest["layers"]:
        with tarfile.open(blob(layer["digest"])) as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() and member.name != entrypoint else None
                contents.append(file.read() if file else b"")
    return b"".join(contents)


if __name__ == "__main__":
    if sys.argv[1:2] == ["registry"]:
        registries.main(sys.argv[2:])
    elif sys.argv[1:2] == ["explain"]:
        explain.main(sys.argv[2:])
    elif sys.argv[1:2] == ["cgo"]:
        cgo.main(sys.argv[2:])
    elif sys.argv[1:2] == ["cgo-modules"]:
        cgo_modules.main(sys.argv[2:])
    elif sys.argv[1:2] == ["cgo-platforms"]:
        cgo_platforms.main(sys.argv[2:])
    elif sys.argv[1:2] == ["closure"]:
        closure.main(sys.argv[2:])
    elif sys.argv[1:2] == ["dockerfile"]:
        dockerfile.main(sys.argv[2:])
    else:
        main()
