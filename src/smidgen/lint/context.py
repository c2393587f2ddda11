"""The directory that is built, as far as a linter looks at it: a few names, go.mod, and what is ignored."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smidgen.dockerfile.ignore import IgnoreRules, find_ignore_file, load_ignore_rules
from smidgen.errors import UsageError
from smidgen.gobuild.modfile import ModuleFile, parse_module_file

_MAX_MODULE_FILE: Final = 4 << 20
_MOST_NAMES: Final = 10_000
_REQUIRE: Final = re.compile(r"^\s*(?:require\s+)?([^\s()/]+\.[^\s()]+/\S+|[^\s()]+\.[^\s()]+)\s+v[0-9]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class BuildContext:
    """A context on this machine.

    Attributes:
        root: The directory.
        rules: What ``.dockerignore`` hides.
        ignore_file: Where that stands, or None where there is none.
        names: What is directly in *root*, sorted, at most a bounded number.
    """

    root: Path
    rules: IgnoreRules
    ignore_file: Path | None
    names: tuple[str, ...]
    _modules: "dict[str, tuple[ModuleFile, frozenset[str]] | None]" = field(default_factory=dict, compare=False)

    def has(self, path: str) -> bool:
        """Tell whether the context has *path*, and the ignore rules let it in."""
        clean = os.path.normpath(path.lstrip("/"))
        if clean.startswith(".."):
            return False
        return os.path.lexists(self.root / clean) and not (clean != "." and self.rules.hides(clean))

    def module(self, directory: str = ".") -> ModuleFile | None:
        """Give what go.mod of *directory* says, or None where there is none."""
        found = self._module(directory)
        return found[0] if found else None

    def required(self, directory: str = ".") -> frozenset[str]:
        """Give the modules that go.mod of *directory* requires, directly or not."""
        found = self._module(directory)
        return found[1] if found else frozenset()

    def _module(self, directory: str) -> "tuple[ModuleFile, frozenset[str]] | None":
        if directory not in self._modules:
            path = self.root / directory / "go.mod"
            try:
                inside = path.resolve().is_relative_to(self.root.resolve())
                data = _read(path) if inside else None
            except OSError:
                data = None
            text = data.decode("utf-8", "replace") if data is not None else None
            self._modules[directory] = (
                None if text is None else (parse_module_file(text), frozenset(_REQUIRE.findall(text)))
            )
        return self._modules[directory]


def _read(path: Path) -> bytes | None:
    # A named pipe in a context must not make us wait.
    if not path.is_file():
        return None
    with path.open("rb") as file:
        data = file.read(_MAX_MODULE_FILE + 1)
    return data if len(data) <= _MAX_MODULE_FILE else None


def read_context(root: Path, dockerfile: Path | None) -> BuildContext:
    """Look at the context *root* of the Dockerfile at *dockerfile*, which may be no file.

    Raises:
        DockerfileError: A rule of the ignore file is malformed.
        LimitExceeded: The ignore file is larger than any real one.
        UsageError: The directory or its ignore file cannot be read.
    """
    names: list[str] = []
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) >= _MOST_NAMES:
                    break
    except OSError as error:
        raise UsageError(
            f"the context {root} cannot be read: {error.strerror}", hint="name a directory with --context"
        ) from error
    return BuildContext(
        root, load_ignore_rules(root, dockerfile), find_ignore_file(root, dockerfile), tuple(sorted(names))
    )
