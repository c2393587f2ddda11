"""Sizes and times of programs with C: from scratch by smidgen, and on the bases that people put them on.

The whole takes a quarter of an hour on a quiet machine with two cores, and needs root, for a docker daemon of its own.
Parts: ``--programs NAME …`` measures those anew and keeps the other figures, and ``--times NAME …`` times only those
(none: sizes alone, in two minutes). With ``--libraries DIR`` a second run need not compile musl and libc++ again.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from benchmarks import probes
from benchmarks.bases import Size, bases, old_distroless, packed
from benchmarks.cgo_bench import Bench
from benchmarks.cgo_docker import Docker2Stages
from benchmarks.cgo_programs import Program, compiled, musl_environment, programs
from benchmarks.cgo_table import ROUTES, SMIDGEN, BaseFigures, Figures, Results, render
from benchmarks.cgo_times import times, warm
from msgspec.structs import replace

import smidgen
from support.cgo_programs import c_environment
from support.dockerd import running_dockerd

_HERE: Final = Path(__file__).resolve().parent
_OLD: Final = "distroless/base, 2019"


def main(arguments: list[str]) -> None:
    """Measure, and write cgo.json and cgo.md."""
    parser = argparse.ArgumentParser(prog="benchmarks cgo", description=__doc__)
    names = [one.name for one in programs()]
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--programs", nargs="*", choices=names, help="Those to measure; others stay as they are.")
    parser.add_argument("--times", nargs="*", choices=names, help="Those of them to time; all by default.")
    parser.add_argument("--libraries", type=Path, help="A directory that keeps zig's C libraries for further runs.")
    parser.add_argument("--output", type=Path, default=_HERE, help="Directory of cgo.json and cgo.md.")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    chosen = [one for one in programs() if options.programs is None or one.name in options.programs]
    timed = [one.name for one in chosen if options.times is None or one.name in options.times]
    results = _earlier(options.output)
    results.machine = probes.machine()
    with tempfile.TemporaryDirectory(prefix="smidgen-bench-") as name, ExitStack() as stack:
        bench = _bench(Path(name), options, stack, results)
        if timed:
            _say("the C libraries")
            results.libraries |= warm(bench)
        for program in chosen:
            _say(program.about)
            figures = _again(results.programs.get(program.name), program)
            _sizes(bench, figures, program)
            if program.name in timed:
                times(bench, figures, program)
            results.programs[program.name] = figures
            results.programs = {one: results.programs[one] for one in names if one in results.programs}
            _keep(results, options.output)
    if len(timed) == len(names):
        results.seconds = time.monotonic() - began
        _keep(results, options.output)
    print((options.output / "cgo.md").read_text())


def _bench(work: Path, options: argparse.Namespace, stack: ExitStack, results: Results) -> Bench:
    _say("bases, and docker")
    docker = stack.enter_context(running_dockerd(storage_driver="overlay2"))
    results.machine["docker"] = docker("version", "--format", "{{.Server.Version}}").strip()
    found = {**bases(work), _OLD: old_distroless(work)}
    results.bases = {
        name: BaseFigures(about=base.about, pull=base.size.pull, disk=base.size.disk) for name, base in found.items()
    }
    libraries = (options.libraries or work / "libraries").resolve()
    libraries.mkdir(parents=True, exist_ok=True)
    bench = Bench(work, options.rounds, found, Docker2Stages(docker), c_environment("amd64"), libraries)
    bench.stages.prepare(found, work)
    return bench


def _again(before: Figures | None, program: Program) -> Figures:
    """Give fresh figures, with the times of those *before* until they are measured anew."""
    fresh = Figures(about=program.about, note=program.note)
    return replace(before, about=fresh.about, note=fresh.note, pull={}, disk={}, runs={}) if before else fresh


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _earlier(directory: Path) -> Results:
    path = directory / "cgo.json"
    return msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else Results(machine={})


def _keep(results: Results, directory: Path) -> None:
    (directory / "cgo.json").write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    (directory / "cgo.md").write_text(render(results))


def _sizes(bench: Bench, figures: Figures, program: Program) -> None:
    """Measure *program* on all bases, and see whether it runs there."""
    sources = bench.work / "sources" / program.name
    program.write(sources)
    # Nothing is timed here, so compilers may use what they have.
    kept = {"CARGO_TARGET_DIR": str(bench.work / "cargo")}
    if program.glibc:
        compiled(program.glibc, sources, kept | {"CC": "gcc"})
    image = json.loads(bench.smidgen(program, sources, "--json", environ=bench.environ))["images"][0]
    _add(figures, SMIDGEN, Size(image["pull_size"], image["size"]))
    usual = sources / "program"
    closure = smidgen.closure(usual)
    for route in (*ROUTES[2:], _OLD):
        lacking = bench.bases[route].lacks(closure)
        if route in ROUTES:
            layer = packed(bench.work, [usual, *(Path(one.file) for one in lacking)])
            _add(figures, route, bench.bases[route].size + layer)
        figures.runs[route] = bench.stages.runs_on(route, usual, lacking, program.words)
    if program.musl:
        for_musl = compiled(
            program.musl, sources, {**bench.environ, **kept, **musl_environment(program, bench.environ)}
        )
        _add(figures, "alpine", bench.bases["alpine"].size + packed(bench.work, [for_musl]))
        figures.runs["alpine"] = bench.stages.runs_on("alpine", for_musl, [], program.words)
    shutil.rmtree(sources)


def _add(figures: Figures, route: str, size: Size) -> None:
    figures.pull[route], figures.disk[route] = size.pull, size.disk
