"""What must stay as it is for a build to come out the same, in a form that can be checked without smidgen.

Source of the idea: ``smidgen.cli.quick``, which does the checking.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from smidgen.config.settings import Settings
from smidgen.gobuild.git import PendingGit
from smidgen.gobuild.modfile import parents
from smidgen.gobuild.process import Command
from smidgen.gobuild.record import FileState, NamesState
from smidgen.gobuild.signature import Signature, is_settled, signature
from smidgen.gobuild.target import MainPackage
from smidgen.gobuild.template import has_template
from smidgen.gobuild.toolchain import Toolchain

#: What stands for the output directory of a compiler that is not started yet; no word of a command has it.
OUTPUT = "\1"


# How ``signature.identity`` begins for a regular file.
_FILE = "file:"


@dataclass(frozen=True, slots=True)
class Compiler:
    """How the compiler was started.

    Attributes:
        arguments: Its command line, with ``OUTPUT`` where the directory for its output stood.
        changes: What its environment had beside or instead of the user's: names and values.
    """

    arguments: tuple[str, ...]
    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Everything a build's outcome follows from beside the command line, the directory and the environment.

    Attributes:
        signatures: Paths and how they were.
        contents: Files that the compiler read and the SHA-256 of their content, in hex.
        absent: Paths at which nothing was.
        commands: What git was asked, each with what it answered, None where it failed.
        compiler: How the compiler is to be started when something changed, where one command does it all.
    """

    signatures: dict[str, Signature]
    contents: dict[str, str]
    absent: tuple[str, ...]
    commands: dict[tuple[str, ...], bytes | None]
    compiler: Compiler | None = None


def watch(
    packages: Iterable[MainPackage],
    settings: Iterable[Settings],
    *,
    directory: str,
    config_names: Iterable[str],
    toolchain: Toolchain,
    git: PendingGit,
    search_path: str,
    files: Iterable[FileState],
    folders: Iterable[NamesState],
    absent: Iterable[str],
    started_ns: int,
    compiler: Compiler | None,
) -> Watch | None:
    """Put the watch of a build together; None where more than files and git decides the outcome.

    Args:
        packages: What was built.
        settings: The settings of each.
        directory: Where the command was started.
        config_names: Paths that decide which configuration is read, and the one that was.
        toolchain: What compiled.
        git: After its result.
        search_path: PATH.
        files: What the compiler read.
        folders: Directories that it looked into.
        absent: What it found missing.
        started_ns: When the build began; what changed since cannot be vouched for.
        compiler: How the compiler is started.
    """
    nothing = list(absent)
    for package, one in zip(packages, settings, strict=True):
        if not _follows(package, one):
            return None
        nothing += [os.path.join(package.directory, "kodata")] if package.directory else []
    files = tuple(files)
    signatures = {one.path: one.signature for one in files} | {one.path: one.signature for one in folders}
    contents = {state.path: state.identity.removeprefix(_FILE) for state in files if state.identity.startswith(_FILE)}
    for path in (*_go_candidates(toolchain, search_path), *config_names, *_repositories(directory)):
        taken = signature(path)
        if not is_settled(taken, started_ns):
            return None
        if taken:
            signatures[path] = taken
        else:
            nothing.append(path)
    commands = {
        arguments: outcome.stdout if outcome.exit_code == 0 else None for arguments, outcome in git.answers.items()
    }
    return Watch(
        signatures=signatures,
        contents=contents,
        absent=tuple(dict.fromkeys(nothing)),
        commands=commands,
        compiler=compiler,
    )


def _follows(package: MainPackage, settings: Settings) -> bool:
    """Tell whether files that are watched anyway, and git, decide about *package*."""
    if settings.add or settings.ca_bundles:
        return False
    if package.directory and settings.kodata and os.path.isdir(os.path.join(package.directory, "kodata")):
        return False
    texts = (
        *settings.flags,
        *settings.ldflags,
        *settings.gcflags,
        *settings.build_tags,
        *settings.variables.values(),
        *settings.names,
        *settings.tags,
    )
    return not any(map(has_template, texts))


def _repositories(directory: str) -> Iterator[str]:
    """Name the places of repositories around *directory* up to the nearest that is one.

    One that appears says where the source is from, and where the search for files ends. The nearest itself
    changes all the time; what it says is asked for by commands. In a linked work tree it is a file.
    """
    for place in parents(directory):
        path = os.path.join(place, ".git")
        if not os.path.isdir(path):
            yield path
        if os.path.exists(path):
            return


def _go_candidates(toolchain: Toolchain, search_path: str) -> Iterator[str]:
    """Name the executables that would be found before *toolchain*, and the toolchain itself."""
    yield toolchain.path
    yield os.path.join(toolchain.goroot, "VERSION")
    for place in search_path.split(os.pathsep):
        candidate = os.path.join(place or os.curdir, "go")
        yield candidate
        if os.path.realpath(candidate) == toolchain.path:
            return


def compiler_of(
    commands: Sequence[Command], environ: Mapping[str, str], settings: Iterable[Settings]
) -> Compiler | None:
    """Say how to start the compiler again; None where that takes several commands, or the user's own variables.

    Args:
        commands: What would be started, with ``OUTPUT`` as the output directory.
        environ: The user's environment.
        settings: Variables that they set may be secret, and are not to be written down.
    """
    # With C, what Go is told depends on what the code reads.
    if len(commands) != 1 or any(each.build_env or each.cgo for each in settings):
        return None
    (command,) = commands
    changes = tuple((name, value) for name, value in command.environ.items() if environ.get(name) != value)
    return Compiler(command.arguments, changes) if environ.keys() <= command.environ.keys() else None
