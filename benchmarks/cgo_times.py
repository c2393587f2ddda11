"""Times of programs with C: by smidgen, by the compiler alone, and by docker in two stages; and of their containers."""

import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.cgo_bench import Bench, caches, seconds_of
from benchmarks.cgo_programs import Program, compiled
from benchmarks.cgo_table import ALONE, BUILDKIT, CLASSIC, RUN, SMIDGEN, Figures

_ZIG: Final = "zig"
_GO_MOD: Final = "module example.com/least\n\ngo 1.21\n"
#: What zig compiles for programs, and a program that has it compiled: its files, and options.
_LIBRARIES: Final[Mapping[str, tuple[Mapping[str, str], *tuple[str, ...]]]] = {
    "musl, for programs in C": (
        {"smidgen.yaml": "build: $CC $CFLAGS $LDFLAGS -o $OUT main.c\n", "main.c": "int main(void) { return 0; }\n"},
        ".",
    ),
    "the same as Go links it": (
        {"go.mod": _GO_MOD, "main.go": 'package main\n\nimport "C"\n\nfunc main() {}\n'},
        "--cgo",
        ".",
    ),
    "libc++, for programs in C++": (
        {
            "smidgen.yaml": "build: $CXX $CXXFLAGS $LDFLAGS -o $OUT main.cc\n",
            "main.cc": "#include <iostream>\nint main() { std::cout << 1; }\n",
        },
        ".",
    ),
    "libc++ as Go links it": (
        {
            "go.mod": _GO_MOD,
            "main.go": 'package main\n\n// void say(void);\nimport "C"\n\nfunc main() { C.say() }\n',
            "say.cc": '#include <iostream>\nextern "C" void say(void) { std::cout << 1; }\n',
        },
        "--cgo",
        ".",
    ),
}


def warm(bench: Bench) -> dict[str, float]:
    """Have zig compile the C libraries into an empty cache, which all programs then share.

    It finds them by the path and the files of that cache, so that this is never copied or moved.

    Returns:
        What was compiled → seconds; nothing where an earlier run left it.
    """
    done = bench.libraries / "done"
    if done.exists():
        return {}
    found: dict[str, float] = {}
    for about, (files, *options) in _LIBRARIES.items():
        sources = bench.work / "warm/sources"
        sources.mkdir(parents=True)
        for name, text in files.items():
            (sources / name).write_text(text)
        program = Program("warm", about, lambda _: None, options=options)
        environ = _fresh(bench, bench.work / "warm")
        found[about] = seconds_of(partial(bench.smidgen, program, sources, environ=environ, store="warm/store"))
        shutil.rmtree(bench.work / "warm")
    done.touch()
    return found


def _fresh(bench: Bench, directory: Path) -> dict[str, str]:
    """Give variables for empty caches, but for that of C libraries."""
    own = {"XDG_CACHE_HOME": str(directory / "cache"), "ZIG_GLOBAL_CACHE_DIR": str(bench.libraries / _ZIG)}
    return caches(directory) | own


def times(bench: Bench, figures: Figures, program: Program) -> None:
    """Time *program* in all ways."""
    if program.glibc:
        _time_alone(bench, figures, program)
        _time_docker(bench, figures, program)
    _time_smidgen(bench, figures, program)
    archive = bench.work / "image.tar"
    bench.command("save", "-q", "-o", str(archive), f"smidgen-{program.name}", cwd=bench.work)
    bench.stages.docker("load", "--quiet", "--input", archive)
    archive.unlink()
    images = {SMIDGEN: f"smidgen-{program.name}"}
    if program.glibc:
        images[bench.stages.base(program)] = program.name
    for route, image in images.items():
        figures.start[route] = bench.median(partial(_run, bench, image, program))
    words = ("run", "--network", "none", "-q", f"smidgen-{program.name}", "--", *program.words)
    figures.start[RUN] = bench.median(lambda _: bench.command(*words, cwd=bench.work))


def _run(bench: Bench, image: str, program: Program, _round: int) -> None:
    bench.stages.run(image, program.words)


def _time_alone(bench: Bench, figures: Figures, program: Program) -> None:
    """Time the compiler of this machine, making a program for Debian."""
    sources, kept = _checkout(bench, program, "alone")
    environ = caches(kept) | {"CC": "gcc"}

    def build(number: int = -1) -> None:
        if number >= 0:
            program.edit(sources, number)
        compiled(program.glibc, sources, environ)

    figures.cold[ALONE] = seconds_of(build)
    figures.changed[ALONE] = bench.median(build)
    figures.same[ALONE] = bench.median(lambda _: build())
    _forget(sources)


def _time_docker(bench: Bench, figures: Figures, program: Program) -> None:
    sources, _ = _checkout(bench, program, "docker")
    number = 0

    def build(*, changed: bool, buildkit: bool, again: bool = False) -> None:
        nonlocal number
        if changed:
            number += 1
            program.edit(sources, number)
        bench.stages.build(program, sources, buildkit=buildkit, again=again)

    figures.cold[BUILDKIT] = seconds_of(lambda: build(changed=False, buildkit=True, again=True))
    figures.changed[BUILDKIT] = bench.median(lambda _: build(changed=True, buildkit=True))
    figures.same[BUILDKIT] = bench.median(lambda _: build(changed=False, buildkit=True))
    figures.changed[CLASSIC] = seconds_of(lambda: build(changed=True, buildkit=False))
    figures.same[CLASSIC] = bench.median(lambda _: build(changed=False, buildkit=False))
    _forget(sources)


def _time_smidgen(bench: Bench, figures: Figures, program: Program) -> None:
    sources, kept = _checkout(bench, program, "smidgen")
    environ = _fresh(bench, kept) | ({} if program.options else {"CC": "gcc"})

    def build(number: int = -1) -> None:
        if number >= 0:
            program.edit(sources, number)
        if program.glibc and not program.options:
            compiled(program.glibc, sources, environ)
        bench.smidgen(program, sources, environ=environ)

    figures.cold[SMIDGEN] = seconds_of(build)
    if program.edited:
        figures.changed[SMIDGEN] = bench.median(build)
    figures.same[SMIDGEN] = bench.median(lambda _: build())
    _forget(sources)


def _checkout(bench: Bench, program: Program, whose: str) -> tuple[Path, Path]:
    """Give a fresh directory with the sources, and one beside it for caches."""
    place = bench.work / "timed" / whose
    place.mkdir(parents=True)
    program.write(place / "sources")
    os.sync()
    return place / "sources", place / "caches"


def _forget(sources: Path) -> None:
    shutil.rmtree(sources.parent)
