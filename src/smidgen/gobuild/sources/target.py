"""Which targets of a request are not Go: those with a build script, and projects of cargo and zig."""

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import UNSET

from smidgen.config.resolve import resolve_settings

if TYPE_CHECKING:
    from smidgen.config.settings import Settings
    from smidgen.gobuild.pipeline import BuildRequest


class Language(StrEnum):
    """What makes the program."""

    SCRIPT = "a script (`build:`)"
    RUST = "cargo"
    ZIG = "zig build"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A target that is not Go.

    Attributes:
        target: What the user wrote.
        directory: Its directory, absolute.
        language: What makes it.
        settings: Everything that was said about it.
    """

    target: str
    directory: str
    language: Language
    settings: "Settings"


#: Settings that only Go's compiler takes.
GO_ONLY: Final = ("ldflags", "gcflags", "build_tags", "variables", "disable_optimizations", "cgo", "go", "kodata")

_PROJECTS: Final = (("Cargo.toml", Language.RUST), ("build.zig", Language.ZIG))


def source_of(request: "BuildRequest", target: str) -> Source | None:
    """Tell whether *target* is a directory of a program that is not Go; this costs a Go program next to nothing.

    Raises:
        UsageError: What is said about it cannot be meant.
    """
    directory = os.path.normpath(os.path.join(request.directory, target))
    if "..." in target or not os.path.isdir(directory):
        return None
    language = _language(request, directory)
    if language is None:
        return None
    settings = resolve_settings(
        target,
        directory=request.directory,
        flags=request.flags,
        config=request.configs.config(Path(directory)),
        environ=request.environ,
        path=Path(directory),
    )
    if language is Language.SCRIPT and not settings.build:
        language = _project(directory)
        if language is None:
            return None
    return Source(target=target, directory=directory, language=language, settings=settings)


def _language(request: "BuildRequest", directory: str) -> Language | None:
    config = request.configs.config(Path(directory))
    if config is not None:
        parts = (config.file, *(config.file.targets or ()))
        if any(part.build is not UNSET for part in parts):
            return Language.SCRIPT
    return _project(directory)


def _project(directory: str) -> Language | None:
    """Tell whether *directory* is a project of cargo or zig; with a Go file in it, it is a package as ever."""
    for name, language in _PROJECTS:
        if os.path.isfile(os.path.join(directory, name)):
            return None if any(one.endswith(".go") for one in os.listdir(directory)) else language
    return None
