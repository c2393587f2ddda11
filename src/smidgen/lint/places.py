"""Where files of the context are in a stage, so that a ``go build`` there can be asked about here."""

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from smidgen.dockerfile.instruction import Add, Copy, Run
from smidgen.dockerfile.mounts import BindMount, parse_mount
from smidgen.dockerfile.sources import LocalSource, parse_source
from smidgen.errors import UsageError
from smidgen.lint.context import BuildContext
from smidgen.lint.stages import StageFacts, Step, absolute


@dataclass(frozen=True, slots=True)
class Placed:
    """A directory of the context in a stage.

    Attributes:
        target: Where it is in the stage.
        source: Where it is in the context, ``.`` for its root.
    """

    target: str
    source: str


def context_sources(step: Step) -> tuple[str, ...]:
    """Give the local sources that a COPY or ADD takes from the context, expanded and clean; none for others."""
    instruction = step.instruction
    if not isinstance(instruction, Copy | Add) or (isinstance(instruction, Copy) and instruction.from_):
        return ()
    found: list[str] = []
    for text in instruction.sources:
        try:
            source = parse_source(step.expand(text))
        except UsageError:
            continue
        if isinstance(source, LocalSource):
            found.append(posixpath.normpath(source.path.lstrip("/") or "."))
    return tuple(found)


def destination_of(step: Step) -> str:
    """Give where a COPY or ADD puts things, absolute; with a slash at the end where it is sure to be a directory."""
    instruction = step.instruction
    assert isinstance(instruction, Copy | Add)  # noqa: S101 (callers look)
    written = step.expand(instruction.destination)
    place = absolute(written, step.directory)
    many = len(instruction.sources) + len(instruction.documents) > 1
    is_directory = many or written.endswith(("/", "/.")) or written in {".", ".."}
    return place.rstrip("/") + "/" if is_directory else place


def placed(stage: StageFacts, context: BuildContext, until: Step) -> Iterator[Placed]:
    """Give the directories of *context* that are in *stage* when the step *until* is carried out."""
    for step in stage.all_steps():
        if isinstance(step.instruction, Copy | Add):
            yield from _copied(step, context)
        if isinstance(step.instruction, Run) and step is until:
            yield from _mounted(step)
        if step is until:
            return


def _copied(step: Step, context: BuildContext) -> Iterator[Placed]:
    destination = destination_of(step)
    for source in context_sources(step):
        name = posixpath.basename(source)
        if any(letter in name for letter in "*?["):
            yield Placed(destination.rstrip("/") or "/", posixpath.dirname(source) or ".")
        elif os.path.isdir(context.root / source):
            yield Placed(destination.rstrip("/") or "/", source)
        elif name in {"go.mod", "go.work"}:
            directory = destination if destination.endswith("/") else posixpath.dirname(destination)
            yield Placed(directory.rstrip("/") or "/", posixpath.dirname(source) or ".")


def _mounted(step: Step) -> Iterator[Placed]:
    assert isinstance(step.instruction, Run)  # noqa: S101
    for text in step.instruction.mounts:
        try:
            mount = parse_mount(text, step.expand)
        except UsageError:
            continue
        if isinstance(mount, BindMount) and not mount.from_:
            source = posixpath.normpath(mount.source.lstrip("/") or ".")
            yield Placed(absolute(mount.target, step.directory), source)


def in_context(path: str, places: list[Placed]) -> str | None:
    """Give where in the context the directory *path* of a stage comes from, or None."""
    best: Placed | None = None
    for place in places:
        root = place.target.rstrip("/")
        if (path == place.target or path.startswith(root + "/")) and (
            best is None or len(place.target) >= len(best.target)
        ):
            best = place
    if best is None:
        return None
    rest = path[len(best.target.rstrip("/")) :].strip("/")
    found = posixpath.normpath(posixpath.join(best.source, rest))
    return None if found.startswith("..") else found
