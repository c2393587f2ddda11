"""Builds that need not be done again.

A record is kept for each place and each way of asking: the directory and the targets name a folder, everything else
that can be known without looking at source (toolchain, flags, platforms, the environment that Go reads) names a file
in it. A record says what the build looked at and how it was; while all of that is so still, its result holds.

::

    found = lookup(folder, request)
    if isinstance(found, Hit):
        found.result
    else:
        resolution = resolve_targets(…)
        compiled = compile_packages(…)
        snapshot = collect_inputs(request, resolution, compiled, previous=found.previous)
        …                                   # read the executables, write the output
        record(folder, request, snapshot, result)
"""

import hashlib
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from smidgen.gobuild.git import repository_state
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.record import FORMAT, Comparison, Record, Snapshot
from smidgen.gobuild.target import Resolution
from smidgen.gobuild.template_values import TemplateSource, template_dependencies, templates_of
from smidgen.gobuild.toolchain import Toolchain
from smidgen.oci.platform import Platform

if TYPE_CHECKING:
    from smidgen.gobuild.compile import Compiled

# Variables that Go reads, and those of them that change nothing in an executable.
_PREFIXES = ("GO", "CGO_")
_NAMES = frozenset(("HOME", "XDG_CONFIG_HOME"))
_WITHOUT_EFFECT = frozenset(
    ("GOCACHE", "GOCACHEPROG", "GOTMPDIR", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GOTRACEBACK", "GOTELEMETRYDIR")
)
_KEPT_PER_PLACE = 16
_KEPT_SECONDS = 90 * 24 * 3600
_SUFFIX = ".record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for, as far as it can be known without looking at source.

    Attributes:
        cwd: What targets are relative to.
        targets: As the user wrote them.
        options: All that can apply to any of the targets, each with the platforms that it applies to.
        toolchain: To build with.
        source: Where values for templates come from: the environment, git, the time.
        extra: All other settings that the result depends on.
    """

    cwd: str
    targets: tuple[str, ...]
    options: tuple[tuple[BuildOptions, tuple[Platform, ...]], ...]
    toolchain: Toolchain
    source: TemplateSource
    extra: bytes = b""

    def described(self) -> dict[str, str]:
        """Name everything that must be the same, each with a digest of its text: some of it is secret."""
        environ = self.source.environ
        described = {
            "the toolchain": f"{self.toolchain.identity}\n{self.toolchain.goroot}",
            "the platforms": ";".join(",".join(map(str, platforms)) for _, platforms in self.options),
            "the flags": repr([options for options, _ in self.options]),
            "the settings": self.extra.hex(),
        }
        described |= {name: environ[name] for name in sorted(filter(_is_read_by_go, environ))}
        templates = tuple(text for options, _ in self.options for text in templates_of(options))
        described |= template_dependencies(templates, self.source)
        return {name: _name([text]) for name, text in described.items()}

    def place(self) -> str:
        """Name the folder of records."""
        return _name([os.path.realpath(self.cwd), *self.targets])


@dataclass(frozen=True, slots=True)
class Hit:
    """Nothing changed.

    Attributes:
        result: What was recorded.
        kept: The record.
    """

    result: bytes
    kept: Record


@dataclass(frozen=True, slots=True)
class Miss:
    """There is something to build.

    Attributes:
        reason: What is new, in words for people.
        previous: The record that does not hold any more, None where there was none.
    """

    reason: str
    previous: Record | None = None


def _is_read_by_go(name: str) -> bool:
    return (name.startswith(_PREFIXES) or name in _NAMES) and name not in _WITHOUT_EFFECT


def _name(texts: list[str]) -> str:
    return hashlib.sha256("\0".join([str(FORMAT), *texts]).encode(errors="surrogateescape")).hexdigest()[:32]


def _paths(folder: str, request: Request, described: Mapping[str, str]) -> tuple[str, str]:
    place = os.path.join(folder, request.place())
    return place, os.path.join(place, _name([text for item in described.items() for text in item]) + _SUFFIX)


def lookup(folder: str, request: Request) -> Hit | Miss:
    """Find out whether *request* was built before and nothing has changed since. Go is not started.

    Args:
        folder: Where records are kept; it need not exist.
        request: What is asked for.
    """
    described = request.described()
    place, path = _paths(folder, request, described)
    kept = _read(path)
    if kept is None:
        return _unknown(place, described)
    if difference := _surroundings(kept, request.source):
        return Miss(difference, kept)
    comparison = Comparison(kept)
    if comparison.difference:
        return Miss(comparison.difference, kept)
    if comparison.refreshed is not None:
        with suppress(OSError):
            _write(path, comparison.refreshed)
    return Hit(kept.result, comparison.refreshed or kept)


def _read(path: str) -> Record | None:
    try:
        with open(path, "rb", buffering=0) as file:
            kept = msgspec.msgpack.decode(file.readall(), type=Record)
    except (OSError, msgspec.DecodeError):
        # A record that cannot be read is no record: the build is done, and another is written.
        return None
    return kept if kept.format == FORMAT else None


def _surroundings(kept: Record, source: TemplateSource) -> str:
    """Say what is different outside the files; "" when nothing is."""
    for name, text in kept.environment.items():
        if source.environ.get(name) != text:
            return f"{name} changed"
    for root, state in kept.repositories.items():
        if repository_state(root, source.git, source.environ) != state:
            return f"the state of the repository {root} changed"
    return ""


def _unknown(place: str, described: Mapping[str, str]) -> Miss:
    """Say what is new against the last build in the same place."""
    with suppress(OSError):
        newest = max(_records(place), key=lambda path: os.stat(path).st_mtime_ns, default="")
        last = _read(newest) if newest else None
        if last is not None:
            names = [*described, *(name for name in last.request if name not in described)]
            different = [name for name in names if last.request.get(name) != described.get(name)]
            return Miss(f"{', '.join(different[:3])} changed", last)
    return Miss("it was not built before")


def _records(place: str) -> list[str]:
    return [entry.path for entry in os.scandir(place) if entry.name.endswith(_SUFFIX)]


def collect_inputs(
    request: Request, resolution: Resolution, compiled: "Compiled", *, previous: Record | None = None
) -> Snapshot:
    """Look at everything that a build depended on. To be called as soon as it is done, its files in place.

    Args:
        request: What was asked for.
        resolution: What the targets were resolved to; more may have been added to its inputs.
        compiled: What came of it.
        previous: An earlier record: what has not changed since is not read again.
    """
    from smidgen.gobuild.collect import collect  # noqa: PLC0415

    source = request.source
    return collect(
        resolution, compiled, toolchain=request.toolchain, environ=source.environ, git=source.git, previous=previous
    )


def record(folder: str, request: Request, snapshot: Snapshot, result: bytes) -> str:
    """Keep *result* for the next time.

    Args:
        folder: Where records are kept.
        request: What was asked for.
        snapshot: What the build depended on.
        result: What :func:`lookup` is to give back.

    Returns:
        Why it was not kept, in words for people; "" when it was.
    """
    if snapshot.uncacheable:
        return snapshot.uncacheable
    described = request.described()
    place, path = _paths(folder, request, described)
    fresh = Record(
        format=FORMAT,
        request=described,
        environment=dict(snapshot.environment),
        repositories=dict(snapshot.repositories),
        files=list(snapshot.files),
        names=list(snapshot.names),
        absent=list(snapshot.absent),
        result=result,
    )
    try:
        if not os.path.isdir(place):
            os.makedirs(place)
            _forget_old(folder)
        _write(path, fresh)
        _forget_surplus(place)
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    return ""


def _write(path: str, kept: Record) -> None:
    """Write a record whole or not at all; of two writers the last one stays."""
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            file.write(msgspec.msgpack.encode(kept))
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _forget_surplus(place: str) -> None:
    records = sorted(_records(place), key=lambda path: os.stat(path).st_mtime_ns, reverse=True)
    for path in records[_KEPT_PER_PLACE:]:
        with suppress(OSError):
            os.unlink(path)


def _forget_old(folder: str) -> None:
    """Forget places where nothing was built for months, as most of them are gone."""
    oldest = time.time() - _KEPT_SECONDS
    for entry in list(os.scandir(folder)):
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False) and entry.stat().st_mtime < oldest:
                for path in os.listdir(entry.path):
                    os.unlink(os.path.join(entry.path, path))
                os.rmdir(entry.path)
