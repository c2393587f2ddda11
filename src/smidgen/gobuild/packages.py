"""Finds packages in directories, and notes everything it looks at.

Source: ``search.Match.MatchDirs`` in ``cmd/go``; ``go help packages``.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from smidgen.gobuild.environment import GoSettings
from smidgen.gobuild.inputs import Inputs
from smidgen.gobuild.signature import is_entered
from smidgen.gobuild.source import is_constrained_name, is_package_file, package_name
from smidgen.gobuild.workspace import Workspace, find_workspace

_HEADER_SIZE = 1 << 16


@dataclass(slots=True)
class PackageFinder:
    """Looks into directories for packages.

    Attributes:
        settings: For GOWORK.
        inputs: Where it notes what it looks at.
    """

    settings: GoSettings
    inputs: Inputs
    _workspaces: dict[str, Workspace | None] = field(default_factory=dict)

    def workspace(self, directory: str) -> Workspace | None:
        """Give the modules in force for a package in *directory*."""
        if directory not in self._workspaces:
            self._workspaces[directory] = find_workspace(directory, self.settings)
        return self._workspaces[directory]

    def names(self, directory: str) -> set[str] | None:
        """Give the names in the package clauses of *directory*, empty where there are no Go files.

        None where build constraints or several names leave it to Go which of them counts.
        """
        self.inputs.sources[directory] = None
        names: set[str] = set()
        is_open = False
        for file_name in sorted(filter(is_package_file, os.listdir(directory))):
            path = os.path.join(directory, file_name)
            self.inputs.files[path] = None
            found, is_constrained = _read_package_name(path)
            if found is None or is_constrained or is_constrained_name(file_name):
                # A constrained file of another package is how tools are kept beside a library (`go:build ignore`).
                is_open = is_open or found in {None, "main"}
            elif found != "documentation":
                names.add(found)
        if len(names) == 1:
            return names
        return None if names or is_open else set()

    def walk(self, start: str) -> Iterator[str]:
        """Give the directories that ``...`` reaches from *start*, sorted.

        Unlike Go, a start outside every module leads into the modules below it: there is nothing else to mean.
        """
        workspace = self.workspace(start)
        module = workspace.module_of(start) if workspace else None
        waiting = [start]
        while waiting:
            directory = waiting.pop()
            if module is not None and module.ignores(directory):
                continue
            self.inputs.folders[directory] = None
            yield directory
            below = [path for path in _directories_in(directory) if module is None or not self._is_module(path)]
            waiting += sorted(below, reverse=True)

    def _is_module(self, directory: str) -> bool:
        path = os.path.join(directory, "go.mod")
        if os.path.isfile(path):
            return True
        self.inputs.absent[path] = None
        return False


def _read_package_name(path: str) -> tuple[str | None, bool]:
    try:
        with open(path, "rb") as file:
            return package_name(file.read(_HEADER_SIZE))
    except OSError:
        return None, True


def _directories_in(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return [entry.path for entry in entries if is_entered(entry.name) and entry.is_dir(follow_symlinks=False)]
    except PermissionError:
        return []


def pattern_expression(pattern: str) -> re.Pattern[str]:
    """Compile a pattern with ``...`` for whole paths. Source: ``pkgpattern.MatchPattern``."""
    text = re.escape(pattern).replace(re.escape("..."), ".*")
    # `net/...` also matches `net`.
    if text.endswith("/.*"):
        text = text[:-3] + "(?:/.*)?"
    return re.compile(rf"{text}\Z", re.DOTALL)
