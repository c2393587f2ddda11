"""Looks at everything that was noted, and tells whether it can be vouched for."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from smidgen.gobuild.embed import note_embedded
from smidgen.gobuild.inputs import Inputs
from smidgen.gobuild.record import FileState, NamesState, Record, take_file, take_names, unsettled
from smidgen.gobuild.signature import Kind


@dataclass(frozen=True, slots=True)
class Seen:
    """How things are.

    Attributes:
        files: Files that were noted, those of noted packages, and what these embed.
        names: Directories.
        absent: Paths at which nothing is.
        doubt: Why that may not be what was there when it mattered; "" when it is.
    """

    files: tuple[FileState, ...]
    names: tuple[NamesState, ...]
    absent: tuple[str, ...]
    doubt: str


def look(inputs: Inputs, started_ns: int, previous: Record | None = None) -> Seen:
    """Look at *inputs*, which are added to on the way.

    Args:
        inputs: What was noted.
        started_ns: When they were first used; what changed later, or just before, is in doubt.
        previous: An earlier record: what has not changed since is not read again.
    """
    known = {state.path: state for state in previous.files} if previous else {}
    known_names = {(state.path, state.kind): state for state in previous.names} if previous else {}
    states: dict[str, FileState] = {}
    folders: list[NamesState] = []
    doubt = inputs.uncacheable
    try:
        for directory in tuple(inputs.sources):
            folder = take_names(directory, "sources", known_names.get((directory, "sources")))
            folders.append(folder)
            paths = [os.path.join(directory, name[1:]) for name in folder.names or () if name[0] != "d"]
            inputs.files |= dict.fromkeys(paths)
            for path in paths:
                states[path] = state = take_file(path, known.get(path))
                if state.patterns:
                    note_embedded(directory, state.patterns, inputs)
        kinds: tuple[tuple[Kind, Iterable[str]], ...] = (("folders", inputs.folders), ("listings", inputs.listings))
        folders += [
            take_names(directory, kind, known_names.get((directory, kind)))
            for kind, directories in kinds
            for directory in directories
        ]
        for path in inputs.files:
            if path not in states:
                states[path] = take_file(path, known.get(path))
    except OSError as error:
        doubt = doubt or f"{error.filename}: {error.strerror}"
    if appeared := next(filter(os.path.lexists, inputs.absent), None):
        doubt = doubt or f"{appeared} appeared during the build"
    if changed := next(unsettled([*states.values(), *folders], started_ns), None):
        doubt = doubt or f"{changed} changed during the build, or just before"
    return Seen(tuple(states.values()), tuple(folders), tuple(inputs.absent), doubt)
