"""Puts together what ``go build`` is told of C for one platform."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from smidgen.gobuild.cgo.compiler import Compiler, compiler_for
from smidgen.gobuild.cgo.graph import CPackage, c_packages, list_command
from smidgen.gobuild.cgo.inputs import CInputs, find_c_inputs
from smidgen.gobuild.cgo.sysroot import Sysroot, find_sysroot
from smidgen.gobuild.cgo.target import Target, c_target
from smidgen.gobuild.cgo.zig import Zig, find_zig
from smidgen.gobuild.environment import GoSettings, go_environment
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.process import run
from smidgen.oci.platform import Platform

#: What the compilers of a build are called, and the executables that they are.
CompilerNames = tuple[tuple[str, ...], tuple[str, ...]]

_VARIANTS: Final = ("GOAMD64", "GOARM64", "GOARM", "GO386", "GORISCV64", "GOPPC64", "GOMIPS", "GOMIPS64")


@dataclass(frozen=True, slots=True, kw_only=True)
class CSetting:
    """C for one platform.

    Attributes:
        target: What it is compiled for.
        zig: What compiles it.
        sysroot: Where headers and libraries are.
        compiler: How ``go`` starts it.
    """

    target: Target
    zig: Zig
    sysroot: Sysroot
    compiler: Compiler


def c_setting(options: BuildOptions, variables: Mapping[str, str], goroot: str) -> CSetting:
    """Find the C compiler for a build; nothing is written or started.

    Args:
        options: With cgo.
        variables: Go's environment, with GOOS and GOARCH.
        goroot: For settings that ``go env -w`` keeps.

    Raises:
        ToolchainNotFound: There is no zig.
        InvalidPlatform: It cannot compile for the platform.
        UsageError: The directory of libraries is none.
    """
    settings = GoSettings(variables, goroot)
    target = c_target({**{name: settings.get(name) for name in _VARIANTS}, "GOARCH": variables["GOARCH"]})
    zig, sysroot = find_zig(variables), find_sysroot(options.sysroot, target)
    return CSetting(target=target, zig=zig, sysroot=sysroot, compiler=compiler_for(target, zig, sysroot, variables))


@dataclass(frozen=True, slots=True)
class Prepared:
    """C of one command of ``go``: which packages have it, and what they read.

    Attributes:
        packages: Those with C, but for the standard library's.
        inputs: What they read.
    """

    packages: tuple[CPackage, ...]
    inputs: CInputs


def prepare(
    setting: CSetting,
    variables: Mapping[str, str],
    *,
    go: str,
    root: str,
    arguments: Sequence[str],
    flags: Sequence[str],
) -> Prepared:
    """Write the compiler's scripts, and find out what there is to compile.

    Args:
        setting: As ``c_setting`` gave it.
        variables: Go's environment, with the compiler's.
        go: Asked for the packages.
        root: Where it runs.
        arguments: Main packages.
        flags: Flags of ``go build`` that decide which files count.

    Raises:
        BuildError: A script cannot be written, a program not be started.
    """
    setting.compiler.write()
    command = list_command(go, root, flags, arguments, variables)
    packages = c_packages(run(command.arguments, command.environ))
    return Prepared(packages, find_c_inputs(packages, setting.compiler, setting.sysroot, variables))


def compiler_names(
    wanted: Sequence[tuple[BuildOptions, tuple[Platform, ...]]], environ: Mapping[str, str], goroot: str
) -> CompilerNames:
    """Name the compilers of a build: the names are others when zig, a target or the place of libraries is.

    Raises:
        SmidgenError: As ``c_setting``.
    """
    settings = [
        c_setting(options, go_environment(environ, options, platform), goroot)
        for options, platforms in wanted
        if options.cgo
        for platform in platforms
    ]
    names = tuple(setting.compiler.directory for setting in settings)
    return names, tuple(dict.fromkeys(setting.zig.path for setting in settings))
