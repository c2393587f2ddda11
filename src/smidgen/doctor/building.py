"""What compiles programs: a Go toolchain, its cache, git, compilers for C and Rust."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from smidgen.doctor.finding import Area, Finding, State
from smidgen.doctor.places import place
from smidgen.doctor.programs import first_line
from smidgen.errors import BuildError
from smidgen.gobuild.cgo.zig import find_zig
from smidgen.gobuild.environment import GoSettings
from smidgen.gobuild.toolchain import Toolchain, find_toolchain


def building_findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at what ``smidgen build`` needs for programs."""
    try:
        toolchain = find_toolchain(environ.get("SMIDGEN_GO"), environ)
    except BuildError as error:
        yield Finding(
            area=Area.BUILD, name="go", state=State.BAD, said=error.message, advice=error.hint or "install Go"
        )
    else:
        yield _go(toolchain)
        yield _cache(GoSettings(environ, toolchain.goroot), environ)
    yield _program("git", environ, "tags, versions and dates come from git: install it where you use them")
    yield _compiler(environ)
    yield _zig(environ)
    yield _program("cargo", environ, "only programs in Rust need it: install Rust by rustup")


def _go(toolchain: Toolchain) -> Finding:
    said = f"{toolchain.version.removeprefix('go')}, {toolchain.path}"
    return Finding(area=Area.BUILD, name="go", state=State.GOOD, said=said)


def _cache(settings: GoSettings, environ: Mapping[str, str]) -> Finding:
    # Source: ``go help environment``, and ``os.UserCacheDir`` for the default.
    directory = settings.get("GOCACHE")
    if not directory:
        base = environ.get("XDG_CACHE_HOME") or (f"{environ['HOME']}/.cache" if environ.get("HOME") else "")
        directory = f"{base}/go-build" if base else ""
    if not directory:
        return Finding(
            area=Area.BUILD,
            name="go cache",
            state=State.BAD,
            said="there is no place for it: neither GOCACHE nor HOME is set",
            advice="set GOCACHE to a directory that is kept between builds",
        )
    return place(Area.BUILD, "go cache", Path(directory), advice="set GOCACHE to another directory")


def _compiler(environ: Mapping[str, str]) -> Finding:
    for name in (environ.get("CC", "").partition(" ")[0], "gcc", "clang", "cc"):
        if name and (path := shutil.which(name, path=environ.get("PATH", os.defpath))):
            return Finding(area=Area.BUILD, name="C compiler", state=State.GOOD, said=f"{path}, for cgo")
    return Finding(
        area=Area.BUILD,
        name="C compiler",
        state=State.ABSENT,
        said="none",
        advice="only programs with cgo need one: install gcc, or set CC",
    )


def _zig(environ: Mapping[str, str]) -> Finding:
    try:
        path = find_zig(environ).path
    except BuildError as error:
        advice = f"only C, C++, Zig and --cgo need it: {error.hint}"
        return Finding(area=Area.BUILD, name="zig", state=State.ABSENT, said="none", advice=advice)
    return Finding(area=Area.BUILD, name="zig", state=State.GOOD, said=f"{path}, for --cgo, C, C++ and Zig")


def _program(name: str, environ: Mapping[str, str], advice: str) -> Finding:
    said = first_line([name, "--version"], environ)
    state = State.GOOD if said else State.ABSENT
    text = said.removeprefix(f"{name} ").removeprefix("version ") if said else "not on PATH"
    return Finding(area=Area.BUILD, name=name, state=state, said=text, advice="" if said else advice)
