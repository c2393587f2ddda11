"""Dynamic programs on scratch: the libraries that go into the image with them."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from smidgen.config.resolve import SCRATCH
from smidgen.config.settings import Settings
from smidgen.errors import DynamicExecutable, UsageError
from smidgen.gobuild.additions import added_files
from smidgen.gobuild.assembly import Part
from smidgen.gobuild.glibc import sysroot_of
from smidgen.layer.entry import Kind

if TYPE_CHECKING:
    from smidgen.needs.closure.added import Addition


def with_closure(part: Part, settings: Settings) -> Part:
    """Give *part* with the closure of its program, if it is dynamic and stands on nothing that has its libraries.

    Raises:
        DynamicExecutable: Something of the closure is missing; says where it was sought and what to do.
        InvalidExecutable: A library is damaged.
        UsageError: The sysroot is no directory.
    """
    if not part.facts.interpreter or part.path is None:
        return part
    _check_beside(part, part.path)
    if settings.base != SCRATCH:
        return part
    from smidgen.needs.closure.resolve import resolve_closure
    from smidgen.needs.closure.whole import check_whole

    sysroot = sysroot_of(part.platform, settings.sysroot)
    if sysroot is not None and not sysroot.is_dir():
        raise UsageError(f"the sysroot {sysroot} is no directory", hint="name one that has lib or usr/lib in it")
    closure = resolve_closure(
        part.path,
        sysroot=sysroot,
        asked=settings.libraries,
        added=_additions(settings),
        program_at=f"/{part.at}" if part.at else "",
    )
    check_whole(closure)
    facts = msgspec.structs.replace(part.facts, report=closure.report)
    return replace(part, facts=facts, closure=closure)


def _additions(settings: Settings) -> "list[Addition]":
    if not settings.add:
        return []
    from smidgen.needs.closure.added import Addition

    return [
        Addition(f"/{path}", Path(entry.source))
        for path, entry in added_files(settings).items()
        if entry.kind is Kind.FILE and isinstance(entry.source, str | Path)
    ]


def _check_beside(part: Part, path: Path) -> None:
    """Check that a program of Python goes into the image with its directory, where it has one."""
    from smidgen.needs.closure.beside import needed_beside

    needed = needed_beside(path) if not part.at else None
    if needed is None:
        return
    directory = path.resolve().parent
    shown = os.path.relpath(directory)
    raise DynamicExecutable(
        f"{path} was made by {needed.tool} to be started in its directory: it looks for {needed.name} beside itself",
        interpreter=part.facts.interpreter,
        hint=f"take the directory along, in which the program stays: "
        f"--add {directory if shown.startswith('..') else shown}:/opt/{directory.name}",
    )
