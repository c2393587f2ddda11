"""What Go is asked: which packages of a program have C in them.

A program at a version is of no directory that Go could be asked in. Its executable says which module it is of, at which
version; so Go is asked in a module of our own that requires just that, and so comes to the same versions of all others.

Source: ``go help list``; Go Modules Reference, "Minimal version selection" and "Build commands" (``-mod=mod``).
"""

import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smidgen.elf.buildinfo import read_build_info
from smidgen.elf.header import parse_elf
from smidgen.errors import BuildError, InvalidExecutable
from smidgen.gobuild.cgo.graph import c_packages, list_command
from smidgen.gobuild.environment import GoSettings, go_environment
from smidgen.gobuild.flags import FlagSet
from smidgen.gobuild.process import Command, Outcome, run
from smidgen.gobuild.toolchain import Toolchain

if TYPE_CHECKING:
    from smidgen.gobuild.batch import Batch, Compiled

# What was compiled is in the module cache, and was checked: nothing is to be fetched for a question.
_OFFLINE: Final = {"GOPROXY": "off", "GOSUMDB": "off", "GOWORK": "off", "GO111MODULE": ""}
_MODULE: Final = "module smidgen.invalid\n\ngo {go}\n\nrequire {module} {version}\n"


@dataclass(frozen=True, slots=True)
class Executable:
    """What a program at a version says of itself.

    Attributes:
        import_path: Of its main package.
        module: That the package is of.
        version: Of the module; a fixed one, whatever was asked for.
        go: The release that compiled it, without "go".
        directory: Where it is, which is ours.
    """

    import_path: str
    module: str
    version: str
    go: str
    directory: str


def executable_of(batch: "Batch", compiled: "Compiled") -> Executable | None:
    """Read the executable of a *batch* at a version; None where it does not say what it is of."""
    for binary in compiled.binaries:
        if binary.package in batch.packages and binary.platform == batch.platform:
            with open(binary.path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
                try:
                    info = read_build_info(parse_elf(data))
                except InvalidExecutable:
                    return None
            if info is None or info.main is None or not info.main.version:
                return None
            go = info.go_version.partition(" ")[0].removeprefix("go")
            directory = os.path.dirname(binary.path)
            return Executable(binary.package.import_path, info.main.path, info.main.version, go, directory)
    return None


def question(
    batch: "Batch", toolchain: Toolchain, environ: Mapping[str, str], made: Executable | None = None
) -> Command:
    """Give the command that asks which packages of *batch* have C in them, were cgo on.

    Args:
        batch: What was, or is to be, compiled.
        toolchain: Asked.
        environ: The user's environment.
        made: What came of it, for a program at a version; a module is written beside it.

    Raises:
        BuildError: The module cannot be written.
    """
    variables = go_environment(environ, batch.options, batch.platform)
    tags = [f"-tags={text}" for text in tags_of(batch, toolchain, variables)]
    if made is not None:
        # Here Go either knows it all, or says that it does not.
        flags = ["-e=false", "-mod=mod", *tags]
        return list_command(toolchain.path, _module(made), flags, [made.import_path], {**variables, **_OFFLINE})
    arguments = [
        f"./{os.path.relpath(package.directory, package.root)}" if package.directory else package.import_path
        for package in batch.packages
    ]
    return list_command(toolchain.path, batch.root, tags, arguments, variables)


def _module(made: Executable) -> str:
    directory = os.path.join(made.directory, ".asked")
    try:
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, "go.mod"), "w", encoding="utf-8") as file:
            file.write(_MODULE.format(go=made.go, module=made.module, version=made.version))
    except OSError as error:
        raise BuildError(f"cannot write {error.filename}: {error.strerror}") from error
    return directory


def packages_with_c(batch: "Batch", toolchain: Toolchain, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Ask Go which packages of *batch* would have C, were cgo on; those of the standard library do not count.

    Raises:
        BuildError: Go cannot be started.
    """
    if batch.version:
        # It was not compiled, so that its module is not known.
        return ()
    command = question(batch, toolchain, environ)
    return names_in(run(command.arguments, command.environ))


def names_in(outcome: Outcome) -> tuple[str, ...]:
    """Give the import paths of the packages with C that Go named."""
    return tuple(package.import_path for package in c_packages(outcome))


def tags_of(batch: "Batch", toolchain: Toolchain, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Give what the user says with ``-tags``, in options or in Go's own settings."""
    return FlagSet(batch.options, GoSettings(variables, toolchain.goroot).get("GOFLAGS")).values("tags")
