"""What people are told of C in a program: who brings it, what there is instead, and that it was left out."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

import msgspec

from smidgen.gobuild.cgo.graph import imported_packages
from smidgen.gobuild.cgo.question import Executable, executable_of, names_in, question, tags_of
from smidgen.gobuild.cgo.replacements import replacement_of
from smidgen.gobuild.environment import GoSettings, go_environment
from smidgen.gobuild.process import Process
from smidgen.gobuild.source import is_package_file
from smidgen.gobuild.toolchain import Toolchain
from smidgen.gobuild.workspace import find_workspace
from smidgen.needs.examine import BinaryFacts
from smidgen.needs.need import Fact, FactKind
from smidgen.store.replace import keep_file

if TYPE_CHECKING:
    from smidgen.gobuild.batch import Batch, Compiled
    from smidgen.gobuild.target import MainPackage
    from smidgen.oci.platform import Platform

_NAMED: Final = 3
_AT_ONCE: Final = 2


def compiled_c(names: Sequence[str]) -> Fact:
    """Say which packages have C that was compiled, where cgo was asked for."""
    if not names:
        message = "No package of the program has C in it: without --cgo it would be smaller, and built faster."
        return Fact(kind=FactKind.CGO, symbol="", message=message, warning=False)
    message = (
        f"C is in {_listed(names)}, and linked in; what C code needs at run time cannot be read: add it with --with."
    )
    return Fact(kind=FactKind.CGO, symbol=names[0], message=f"{message}{_instead(names)}", warning=False)


def left_out(names: Sequence[str]) -> Fact | None:
    """Say what was not compiled, where cgo was not asked for; None where there is nothing."""
    if not names:
        return None
    message = (
        f"C in {_listed(names)} was left out, so that what needs it fails when it runs: build with --cgo."
        f"{_instead(names)}"
    )
    return Fact(kind=FactKind.CGO, symbol=names[0], message=message, warning=True)


def advice_without_c(names: Sequence[str]) -> str | None:
    """Say what to do where Go refused a package because its C is left out; None where no package has any."""
    return f"C is in {_listed(names)}: build with --cgo.{_instead(names)}" if names else None


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _instead(names: Iterable[str]) -> str:
    found = [(name, other) for name in names if (other := replacement_of(name))]
    return "".join(f" {other} does in Go alone what {name} does." for name, other in found[:_NAMED])


@dataclass(frozen=True, slots=True)
class _Open:
    """A question about *batch*, whose answer is kept at *path*."""

    batch: "Batch"
    path: str
    executable: Executable | None


class PendingFacts:
    """What is to be said of C in what was compiled; where it is not known yet, Go is asked meanwhile.

    Few processes run at a time: the machine has the executables to read and to compress, too.
    """

    def __init__(self, compiled: "Compiled", toolchain: Toolchain, environ: Mapping[str, str], folder: str) -> None:
        """Begin.

        Args:
            compiled: Its executables are in their places.
            toolchain: Asked where the answer is not known yet.
            environ: The user's environment.
            folder: Where answers are kept; it need not exist.

        Raises:
            BuildError: Go cannot be started.
        """
        self._toolchain = toolchain
        self._environ = environ
        self._facts: dict[tuple[MainPackage, Platform], Fact | None] = {}
        self._waiting: list[_Open] = []
        self._running: list[tuple[_Open, Process]] = []
        for batch in compiled.batches:
            if batch.c is not None:
                self._say(batch, tuple(package.import_path for package in batch.c.packages))
            elif batch.options.cgo or _is_left_out(batch, environ):
                made = executable_of(batch, compiled) if batch.version else None
                if batch.version and made is None:
                    continue
                path = os.path.join(folder, _key(batch, toolchain, environ, made))
                known = _known(path)
                if known is None:
                    self._waiting.insert(0, _Open(batch, path, made))
                else:
                    self._say(batch, known)
        try:
            while self._waiting and len(self._running) < _AT_ONCE:
                self._start()
        except BaseException:
            self._stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs."""
        self._stop()

    def told(self, facts: BinaryFacts, package: "MainPackage", platform: "Platform") -> BinaryFacts:
        """Put what is known of C into the *facts* of an executable; waits for Go.

        Raises:
            BuildError: Go cannot be started.
        """
        self._wait()
        fact = self._facts.get((package, platform))
        return facts if fact is None else _with_fact(facts, fact)

    def _wait(self) -> None:
        while self._running:
            one, process = self._running[0]
            outcome = process.result()
            del self._running[0]
            if self._waiting:
                self._start()
            if one.executable is not None and outcome.exit_code != 0:
                # Go has it all, or else it is not known; what the executable says stands.
                continue
            names = names_in(outcome)
            keep_file(one.path, msgspec.msgpack.encode(names))
            self._say(one.batch, names)

    def _start(self) -> None:
        one = self._waiting.pop()
        command = question(one.batch, self._toolchain, self._environ, one.executable)
        self._running.append((one, Process(command.arguments, command.environ)))

    def _stop(self) -> None:
        while self._running:
            self._running.pop()[1].kill()

    def _say(self, batch: "Batch", names: tuple[str, ...]) -> None:
        fact = compiled_c(names) if batch.options.cgo else left_out(names)
        self._facts |= {(package, batch.platform): fact for package in batch.packages}


def _with_fact(facts: BinaryFacts, fact: Fact) -> BinaryFacts:
    """Put *fact* in the place of what the executable itself says of C."""
    others = [one for one in facts.report.facts if one.kind is not FactKind.CGO]
    order = list(FactKind)
    told = tuple(sorted((*others, fact), key=lambda one: order.index(one.kind)))
    return msgspec.structs.replace(facts, report=replace(facts.report, facts=told))


def _is_left_out(batch: "Batch", environ: Mapping[str, str]) -> bool:
    """Tell whether C that packages of *batch* may have was not compiled."""
    return (
        not (batch.options.cgo or batch.options.libc)
        and bool(batch.graph or batch.version)
        and go_environment(environ, batch.options)["CGO_ENABLED"] == "0"
    )


def _known(path: str) -> tuple[str, ...] | None:
    with suppress(OSError, msgspec.DecodeError), open(path, "rb") as file:
        return msgspec.msgpack.decode(file.read(1 << 20), type=tuple[str, ...])
    return None


def _key(batch: "Batch", toolchain: Toolchain, environ: Mapping[str, str], made: Executable | None) -> str:
    """Name everything that the answer follows from.

    That is what all packages are called, the files that choose their versions, and which files of packages on this
    machine have C: few builds change any of it, and Go need not be asked.
    """
    variables = go_environment(environ, batch.options, batch.platform)
    parts = [toolchain.identity, str(batch.platform), *tags_of(batch, toolchain, variables)]
    if made is not None:
        # Nothing changes under a version.
        parts += [made.import_path, made.module, made.version, made.go]
    else:
        parts += [batch.root, *_sources(batch, GoSettings(variables, toolchain.goroot))]
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()[:32]


def _sources(batch: "Batch", settings: GoSettings) -> Iterator[str]:
    names = imported_packages(batch.graph)
    yield from sorted(names)
    workspaces = (find_workspace(package.directory or package.root, settings) for package in batch.packages)
    for workspace in {one for one in workspaces if one is not None}:
        yield from map(_content, workspace.files)
        places = (place for name in names for place in workspace.directories_of(name))
        yield from sorted(path for place in places for path in _files_with_c(place))


def _files_with_c(directory: str) -> Iterator[str]:
    with suppress(OSError):
        for name in os.listdir(directory):
            if is_package_file(name):
                with open(os.path.join(directory, name), "rb") as file:
                    if b'"C"' in file.read():
                        yield os.path.join(directory, name)


def _content(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return f"{path} {hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError:
        return path
