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

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smidgen.gobuild.git import repository_state
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.record import FORMAT, Record, Snapshot
from smidgen.gobuild.record_file import (
    SUFFIX,
    compare_kept,
    is_read_by_go,
    keep_record,
    name_of,
    read_record,
    records_in,
)
from smidgen.gobuild.target import Resolution
from smidgen.gobuild.template_values import TemplateSource, template_dependencies, templates_of
from smidgen.gobuild.toolchain import Toolchain
from smidgen.oci.platform import Platform

if TYPE_CHECKING:
    from smidgen.gobuild.batch import Compiled


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
        described |= {name: environ[name] for name in sorted(filter(is_read_by_go, environ))}
        templates = tuple(text for options, _ in self.options for text in templates_of(options))
        described |= template_dependencies(templates, self.source)
        return {name: name_of([text]) for name, text in described.items()}

    def place(self) -> str:
        """Name the folder of records."""
        return name_of([os.path.realpath(self.cwd), *self.targets])


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


def _paths(folder: str, request: Request, described: Mapping[str, str]) -> tuple[str, str]:
    place = os.path.join(folder, request.place())
    return place, os.path.join(place, name_of([text for item in described.items() for text in item]) + SUFFIX)


def lookup(folder: str, request: Request) -> Hit | Miss:
    """Find out whether *request* was built before and nothing has changed since. Go is not started.

    Args:
        folder: Where records are kept; it need not exist.
        request: What is asked for.
    """
    described = request.described()
    place, path = _paths(folder, request, described)
    kept = read_record(path)
    if kept is None:
        return _unknown(place, described)
    if difference := _surroundings(kept, request.source):
        return Miss(difference, kept)
    comparison = compare_kept(path, kept)
    if comparison.difference:
        return Miss(comparison.difference, kept)
    return Hit(kept.result, comparison.refreshed or kept)


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
        newest = max(records_in(place), key=lambda path: os.stat(path).st_mtime_ns, default="")
        last = read_record(newest) if newest else None
        if last is not None:
            names = [*described, *(name for name in last.request if name not in described)]
            different = [name for name in names if last.request.get(name) != described.get(name)]
            return Miss(f"{', '.join(different[:3])} changed", last)
    return Miss("it was not built before")


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
    from smidgen.gobuild.collect import collect

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
    _, path = _paths(folder, request, described)
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
        keep_record(path, fresh)
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    return ""
