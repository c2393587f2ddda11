"""Looks at a project: what Go says of it, what its sources say, and what its executables need."""

import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from smidgen.errors import CompileError, NotMainPackage, UsageError
from smidgen.gobuild.batch import Job
from smidgen.gobuild.compile import compile_packages
from smidgen.gobuild.environment import GoSettings, host_platform
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.target import MainPackage, resolve_targets
from smidgen.gobuild.toolchain import Toolchain, find_toolchain
from smidgen.gobuild.workspace import Workspace, find_workspace
from smidgen.needs.examine import examine
from smidgen.needs.need import NeedKind
from smidgen.project.choose import choose
from smidgen.project.drivers import Library, driver_of
from smidgen.project.listing import Package, list_packages
from smidgen.project.program import Program, Project
from smidgen.project.scan import scan

_MOST_PROGRAMS: Final = 50
_RELEASE: Final = re.compile(r"(?:go)?(1\.[0-9]+)")
_GRPC_HEALTH: Final = "google.golang.org/grpc/health"

Needs = dict[str, tuple[NeedKind, ...]]


def look(
    directory: Path,
    environ: Mapping[str, str],
    *,
    by_hand: bool = False,
    progress: Callable[[str], None] = lambda _text: None,
) -> Project:
    """Look at all programs below *directory*.

    Args:
        directory: Absolute, with links resolved.
        environ: For Go.
        by_hand: Images are made by a Dockerfile, which has to put in what a program needs.
        progress: Is told in words what is done.

    Raises:
        UsageError: There is no module, or too much to look at.
        NotMainPackage: There is no program.
        CompileError: Go refuses a package.
        ToolchainNotFound: There is no Go.
    """
    toolchain = find_toolchain(environ.get("SMIDGEN_GO"), environ)
    workspace = find_workspace(str(directory), GoSettings(environ, toolchain.goroot))
    if workspace is None:
        raise UsageError(f"there is no go.mod in {directory} or above it", hint=_instead(directory))
    progress("looking for programs")
    mains = resolve_targets(("./...",), cwd=str(directory), toolchain=toolchain, environ=environ).packages
    if not mains:
        raise NotMainPackage(f"no main package in {directory}", hint="name the directory of a program")
    if len(mains) > _MOST_PROGRAMS:
        raise UsageError(f"{len(mains)} programs, {_MOST_PROGRAMS} at most", hint="name a directory with fewer")
    packages = list_packages(mains, toolchain, environ)
    needs = _needs(mains, packages, toolchain, environ, progress)
    programs = (_program(main, packages[main.import_path], needs, directory, by_hand=by_hand) for main in mains)
    own = [package for listed in packages.values() for package in listed if package.own]
    return Project(
        name=_name(workspace, directory),
        release=_release(workspace, toolchain),
        programs=tuple(sorted(programs, key=lambda one: one.directory)),
        downloads=_downloads(workspace, directory),
        embedded=tuple(sorted({os.path.relpath(file, directory) for one in own for file in one.embedded})),
    )


def _instead(directory: Path) -> str:
    """Say what to do in a directory that is no Go project."""
    if any((directory / name).is_file() for name in ("Cargo.toml", "build.zig")):
        return "smidgen.yaml is not needed here: `smidgen build` takes a project of cargo or zig as it is"
    scripts = {"Makefile": "make", "CMakeLists.txt": "cmake -S . -B build && cmake --build build"}
    scripts |= {"configure": "./configure --host=$TARGET && make"}
    for name, script in scripts.items():
        if (directory / name).is_file():
            return f"for a program that is not Go, write smidgen.yaml with `build: {script}` and `bin: PROGRAM`"
    return "`go mod init` makes one"


def _needs(
    mains: Sequence[MainPackage],
    packages: Mapping[str, Sequence[Package]],
    toolchain: Toolchain,
    environ: Mapping[str, str],
    progress: Callable[[str], None],
) -> Needs:
    """Build the programs without cgo, and read what they need; one that Go refuses, though it has cgo, is left out."""
    found: Needs = {}
    plain = {**environ, "CGO_ENABLED": "0"}
    platform = host_platform()
    for main in mains:
        listed = packages[main.import_path]
        drivers = (driver_of(package.import_path) for package in listed)
        if any(driver.library is not Library.NONE for driver in drivers if driver is not None):
            continue
        progress(f"building {main.name}, to see what it needs")
        job = Job(package=main, options=BuildOptions(), platforms=(platform,))
        with tempfile.TemporaryDirectory(prefix="smidgen-init-") as output:
            try:
                compiled = compile_packages([job], toolchain=toolchain, environ=plain, output=output)
            except CompileError:
                if not any(package.cgo and not package.standard for package in listed):
                    raise
                continue
            report = examine(Path(compiled.binaries[0].path), platform).report
        found[main.import_path] = tuple(need.kind for need in report.needs if need.included)
    return found


def _program(main: MainPackage, listed: Sequence[Package], needs: Needs, directory: Path, *, by_hand: bool) -> Program:
    drivers = dict.fromkeys(driver for one in listed if (driver := driver_of(one.import_path)) is not None)
    cgo = tuple(sorted(one.import_path for one in listed if one.cgo and not one.standard))
    known = needs.get(main.import_path)
    base, why = choose(tuple(drivers), () if known is not None else cgo, known or (), by_hand=by_hand)
    own = [package for package in listed if package.own]
    relative = os.path.relpath(main.directory, directory)
    return Program(
        name=main.name,
        directory="." if relative == "." else f"./{relative}",
        import_path=main.import_path,
        base=base,
        why=why,
        drivers=tuple(drivers),
        cgo=() if known is not None else cgo,
        needs=known or (),
        embedded=sum(len(package.embedded) for package in own),
        scanned=scan((Path(file) for package in own for file in package.files), directory),
        grpc_health=any(package.import_path == _GRPC_HEALTH for package in listed),
    )


def _name(workspace: Workspace, directory: Path) -> str:
    module = workspace.module_of(str(directory))
    return (module.path if module else directory.name).rstrip("/").rpartition("/")[2]


def _release(workspace: Workspace, toolchain: Toolchain) -> str:
    # What go.mod says is the oldest that will do; what is here is newer as a rule, and was tried.
    texts = (*workspace.releases, toolchain.version)
    found = (match[1] for text in texts if (match := _RELEASE.match(text)))
    return max(found, key=lambda text: int(text.partition(".")[2]), default="1")


def _downloads(workspace: Workspace, directory: Path) -> tuple[str, ...]:
    """Give what is to be copied first, so that modules are downloaded once.

    Nothing where modules come from directories too, which a copy of two files would lack, or from a vendor directory.
    """
    if workspace.replacements or workspace.work_file or os.path.isdir(workspace.vendor):
        return ()
    if workspace.root != str(directory) or not (directory / "go.sum").exists():
        return ()
    return ("go.mod", "go.sum")
