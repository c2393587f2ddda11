"""What of a context cannot be seen: ``.dockerignore``.

A rule is a pattern; with ``!`` before it, what an earlier one hid is seen again. The last one that matches counts. What
matches a directory counts for all below it.

Source: Dockerfile reference, ".dockerignore file"; ``moby/patternmatcher`` (``ignorefile``,
``MatchesUsingParentResults``).
"""

import os
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smidgen.dockerfile.location import fault_at
from smidgen.dockerfile.patterns import Expressions, compile_patterns, parse_pattern
from smidgen.errors import LimitExceeded, UsageError

NAME: Final = ".dockerignore"
MAX_SIZE: Final = 1024 * 1024
MAX_RULES: Final = 10_000
_WILD: Final = "*?[\\"


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of an ignore file.

    Attributes:
        pattern: Clean, and relative to the context's root.
        shows: It had a ``!``.
    """

    pattern: str
    shows: bool = False


def parse_rules(text: str, *, name: str) -> tuple[Rule, ...]:
    """Parse the text of an ignore file, called *name* in errors.

    Raises:
        DockerfileError: A pattern is malformed, or a ``!`` stands alone.
        LimitExceeded: More rules than any real file has.
    """
    rules: list[Rule] = []
    for number, line in enumerate(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").split("\n"), start=1):
        if line.startswith("#") or not line.strip():
            continue
        try:
            rule = _parse_rule(line.strip())
        except UsageError as error:
            column = 1 + len(line) - len(line.lstrip())
            raise fault_at(
                error.message, file=name, line=number, column=column, text=line.rstrip("\r"), hint=error.hint
            ) from error
        rules.append(rule)
        if len(rules) > MAX_RULES:
            raise LimitExceeded(f"number of rules in {name}", limit=MAX_RULES)
    return tuple(rules)


def _parse_rule(text: str) -> Rule:
    shows = text.startswith("!")
    pattern = text[shows:].strip()
    if not pattern:
        raise UsageError("a ! without a pattern", hint="write what is to be seen again after it")
    pattern = posixpath.normpath(pattern)
    if len(pattern) > 1:
        pattern = pattern.lstrip("/")
    parse_pattern(pattern)
    return Rule(pattern, shows)


@dataclass(frozen=True, slots=True)
class _Group:
    """Rules one after the other that all hide, or all show."""

    expressions: Expressions
    shows: bool


@dataclass(slots=True)
class IgnoreRules:
    """What cannot be seen.

    Paths are relative to the context's root, with ``/`` between their parts, and no ``.`` or ``..``.

    Attributes:
        rules: In order.
    """

    rules: Sequence[Rule] = ()
    _groups: tuple[_Group, ...] = field(init=False, repr=False, compare=False)
    _again: tuple[tuple[str, ...], ...] = field(init=False, repr=False, compare=False)
    # What became of each directory: whether it is hidden, and which groups matched it.
    _known: dict[str, tuple[bool, tuple[bool, ...]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        groups: list[tuple[bool, list[str]]] = []
        for rule in self.rules:
            if not groups or groups[-1][0] != rule.shows:
                groups.append((rule.shows, []))
            groups[-1][1].append(rule.pattern)
        self._groups = tuple(_Group(compile_patterns(patterns), shows) for shows, patterns in groups)
        self._again = tuple(tuple(rule.pattern.split("/")) for rule in self.rules if rule.shows)
        self._known = {"": (False, ())}

    def hides(self, path: str) -> bool:
        """Say whether *path* cannot be seen."""
        if not self._groups or not path:
            return False
        directory, _, _ = path.rpartition("/")
        hidden, _ = self._outcome(path, self._of_directory(directory))
        return hidden

    def hides_all(self, path: str) -> bool:
        """Say whether the directory *path* and all below it cannot be seen, so that nobody need look into it."""
        return self.hides(path) and not any(_may_match_below(pattern, path) for pattern in self._again)

    def keeps(self, path: str, is_directory: bool) -> bool:  # noqa: ARG002, FBT001 (what walks a tree asks so)
        """Say whether *path* can be seen."""
        return not self.hides(path)

    def _of_directory(self, path: str) -> tuple[bool, ...]:
        known = self._known.get(path)
        if known is not None:
            return known[1]
        above: list[str] = [path]
        while (upper := above[-1].rpartition("/")[0]) not in self._known:
            above.append(upper)
        matched = self._known[upper][1]
        for each in reversed(above):
            self._known[each] = outcome = self._outcome(each, matched)
            matched = outcome[1]
        return matched

    def _outcome(self, path: str, above: tuple[bool, ...]) -> tuple[bool, tuple[bool, ...]]:
        hidden = False
        matches: list[bool] = []
        for number, group in enumerate(self._groups):
            # What hides need not be asked where it is hidden already, and what shows where it is seen.
            matched = bool(above) and above[number]
            if not matched and group.shows == hidden:
                matched = group.expressions.match(path)
            matches.append(matched)
            if matched:
                hidden = not group.shows
        return hidden, tuple(matches)


def _may_match_below(pattern: tuple[str, ...], path: str) -> bool:
    """Say whether a pattern, given as its components, could match something below the directory *path*."""
    parts = path.split("/")
    for wanted, part in zip(pattern, parts, strict=False):
        if "**" in wanted or "[^" in wanted:
            return True
        if wanted != part and not any(letter in wanted for letter in _WILD):
            return False
    return len(pattern) > len(parts)


def find_ignore_file(context: Path, dockerfile: Path | None) -> Path | None:
    """Find the ignore file: that of the Dockerfile replaces that of the context.

    Args:
        context: The directory that is built.
        dockerfile: The Dockerfile, or None where it is no file.
    """
    places = [context / NAME]
    if dockerfile is not None:
        places.insert(0, dockerfile.with_name(dockerfile.name + NAME))
    return next((place for place in places if place.is_file()), None)


def load_ignore_rules(context: Path, dockerfile: Path | None = None) -> IgnoreRules:
    """Read the ignore file of a build; there may be none.

    Raises:
        DockerfileError: A rule is malformed.
        LimitExceeded: The file is larger than any real one.
        UsageError: It cannot be read, or is a link that leaves the context.
    """
    place = find_ignore_file(context, dockerfile)
    if place is None:
        return IgnoreRules()
    real = place.resolve()
    if place.is_symlink() and not real.is_relative_to(place.parent.resolve()):
        raise UsageError(f"{place} is a link that leaves its directory", hint="put the rules into the file itself")
    try:
        with real.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_SIZE:
                raise LimitExceeded(f"size of {place} in bytes", limit=MAX_SIZE)
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}", hint="make it readable") from error
    return IgnoreRules(parse_rules(data.decode("utf-8", "surrogateescape"), name=os.fspath(place)))
