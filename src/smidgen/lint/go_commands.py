"""The ``go build`` commands of a Dockerfile, with what they are told by flags and variables.

Source: ``go help build``, ``go help environment``; ``cmd/go/internal/base`` for how GOFLAGS is split.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from smidgen.dockerfile.expand import expand
from smidgen.errors import UsageError
from smidgen.gobuild.flags import split_quoted
from smidgen.lint.script import Script
from smidgen.lint.shell import ShellCommand, ShellWord
from smidgen.lint.stages import Step, absolute
from smidgen.lint.variables import Overlay

_BEFORE_GO: Final = frozenset({"env", "time", "exec", "nice", "command"})
_GO: Final = re.compile(r"^go(?:1\.[0-9.]+)?\Z")
_BOOLEANS: Final = frozenset(
    ("a", "n", "v", "x", "work", "race", "msan", "asan", "cover", "trimpath", "linkshared", "modcacherw", "i", "json")
)
# More in one script are no program's.
_MOST_BUILDS: Final = 100
_VARIABLE: Final = re.compile(r"\$")


@dataclass(frozen=True, slots=True)
class GoFlag:
    """A flag of ``go build``.

    Attributes:
        name: Without dashes.
        value: Expanded as far as known; ``true`` for a boolean without one.
        words: The words that make it, as written; none where it comes from GOFLAGS.
    """

    name: str
    value: str
    words: tuple[ShellWord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GoBuild:
    """A ``go build`` or ``go install``.

    Attributes:
        step: The RUN that it stands in, and what holds there.
        script: The script that it stands in.
        command: The whole command.
        go: The word ``go``.
        verb: The word ``build`` or ``install``.
        flags: In order, those of GOFLAGS first.
        packages: What is built, expanded as far as known.
        variables: What it sees, as far as known.
        directory: Where it runs.
        is_known: Every flag could be read; without, what is not seen is not claimed to be missing.
    """

    step: Step
    script: Script
    command: ShellCommand
    go: ShellWord
    verb: ShellWord
    flags: tuple[GoFlag, ...]
    packages: tuple[str, ...]
    variables: Mapping[str, str]
    directory: str
    is_known: bool

    def flag(self, name: str) -> GoFlag | None:
        """Give the last flag of that name, which is the one that counts."""
        return next((flag for flag in reversed(self.flags) if flag.name == name), None)

    def truth(self, name: str) -> bool:
        """Tell whether a boolean flag is set."""
        flag = self.flag(name)
        return flag is not None and flag.value.lower() not in {"false", "0", "f"}

    @property
    def ldflags(self) -> str:
        """What the linker is told, or empty."""
        flag = self.flag("ldflags")
        return flag.value if flag else ""

    @property
    def tags(self) -> tuple[str, ...]:
        """Build tags."""
        flag = self.flag("tags")
        return tuple(part for part in re.split(r"[ ,]+", flag.value) if part) if flag else ()

    @property
    def cgo(self) -> str | None:
        """What CGO_ENABLED is: ``0``, ``1``, or None where nothing says it."""
        return self.variables.get("CGO_ENABLED")

    @property
    def is_tool(self) -> bool:
        """It installs a program of elsewhere, ``PATH@VERSION``."""
        return any("@" in package for package in self.packages)

    @property
    def can_edit(self) -> bool:
        """Its words stand in the file one by one."""
        return self.script.is_shell


@dataclass(slots=True)
class _State:
    step: Step
    directory: str
    exported: dict[str, str] = field(default_factory=dict)
    builds: list[GoBuild] = field(default_factory=list)

    @property
    def variables(self) -> Mapping[str, str]:
        return Overlay(self.exported, self.step.variables)


def go_builds(step: Step, scripts: tuple[Script, ...]) -> tuple[GoBuild, ...]:
    """Give the builds of the RUN of *step*, whose scripts are *scripts*."""
    found: list[GoBuild] = []
    for script in scripts:
        state = _State(step, step.directory)
        for command in script.commands:
            _carry_out(command, script, state)
            if len(state.builds) >= _MOST_BUILDS:
                break
        found += state.builds
    return tuple(found)


def _carry_out(command: ShellCommand, script: Script, state: _State) -> None:
    words = command.words
    if not words:
        state.exported.update(_assigned(command.assignments, state.variables))
        return
    if command.name == "export":
        state.exported.update(_assigned(words[1:], state.variables))
        return
    if command.name == "cd" and len(words) > 1:
        state.directory = absolute(_expanded(words[1], state.variables)[0], state.directory)
        return
    count = 0
    while count < len(words) and (words[count].plain in _BEFORE_GO or "=" in words[count].plain.split("/")[0]):
        count += 1
    rest = words[count:]
    if len(rest) < 2 or not _GO.match(rest[0].plain.rpartition("/")[2]):
        return
    assigned = dict(_assigned((*command.assignments, *words[:count]), state.variables))
    if (build := _read(rest, command, script, state, assigned)) is not None:
        state.builds.append(build)


def _assigned(words: tuple[ShellWord, ...], variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for word in words:
        name, equals, value = word.raw.partition("=")
        if equals and name.isidentifier():
            yield name, _expanded(ShellWord(value, word.start), variables)[0]


def _expanded(word: ShellWord, variables: Mapping[str, str]) -> tuple[str, bool]:
    """Give a word without quotes, and whether all of it is known."""
    if "$(" in word.raw or "`" in word.raw:
        return word.plain, True
    try:
        text = expand(word.raw, variables, keep_unset=True).text
    except UsageError:
        return word.plain, False
    return text, not _VARIABLE.search(text)


def _read(
    written: Sequence[ShellWord], command: ShellCommand, script: Script, state: _State, assigned: dict[str, str]
) -> GoBuild | None:
    go, words = written[0], list(written[1:])
    directory = state.directory
    if words[0].plain == "-C" and len(words) > 2:
        directory, words = absolute(words[1].plain, directory), words[2:]
    verb, words = words[0], words[1:]
    if verb.plain not in {"build", "install"}:
        return None
    variables = Overlay(state.exported | assigned, state.step.variables)
    flags = list(_inherited(variables.get("GOFLAGS", "")))
    is_known = "$" not in variables.get("GOFLAGS", "")
    position = 0
    while position < len(words) and words[position].raw.startswith(("-", "$", '"$', "'-", '"-')):
        flag, taken, known = _flag(words[position:], variables)
        is_known = is_known and known
        position += taken
        if flag is None:
            continue
        if flag.name == "C":
            directory = absolute(flag.value, directory)
        flags.append(flag)
    packages = tuple(_expanded(word, variables)[0] for word in words[position:])
    return GoBuild(
        step=state.step,
        script=script,
        command=command,
        go=go,
        verb=verb,
        flags=tuple(flags),
        packages=packages,
        variables=variables,
        directory=directory,
        is_known=is_known,
    )


def _flag(words: Sequence[ShellWord], variables: Mapping[str, str]) -> tuple[GoFlag | None, int, bool]:
    """Read a flag; give it, how many words it takes, and whether it is known."""
    text, known = _expanded(words[0], variables)
    if not text.startswith("-"):
        return None, 1, False
    name, equals, value = text.lstrip("-").partition("=")
    if equals:
        return GoFlag(name, value, tuple(words[:1])), 1, known or name in {"o", "ldflags", "X", "tags", "p"}
    if name in _BOOLEANS or len(words) == 1:
        return GoFlag(name, "true", tuple(words[:1])), 1, known
    value, known = _expanded(words[1], variables)
    return GoFlag(name, value, tuple(words[:2])), 2, known or name in {"o", "ldflags", "tags", "p"}


def _inherited(goflags: str) -> Iterator[GoFlag]:
    try:
        elements = split_quoted(goflags)
    except UsageError:
        return
    for element in elements:
        name, equals, value = element.lstrip("-").partition("=")
        yield GoFlag(name, value if equals else "true")
