"""Projects of cargo and zig of which nothing changed: what their builds read, as it was, and what came of it.

cargo and zig know best what is to be compiled again; but starting them, to be told that nothing is, and reading the
program again cost more than all the rest of a build. So what a build can have read is held against a digest: all
source of the project, the compiler, the whole environment, and other files that the build itself said it had read.
Whatever is in doubt is not remembered, and the compiler is asked as ever.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from smidgen._version import __version__
from smidgen.errors import SmidgenError
from smidgen.gobuild.assembly import Part
from smidgen.gobuild.sources.kept import recall, remember
from smidgen.gobuild.sources.makers import Making
from smidgen.gobuild.sources.target import Source
from smidgen.gobuild.sources.tree import tree_digest, walked_files
from smidgen.needs.examine import BinaryFacts

# What a terminal or a shell sets for itself, and changes from one command to the next.
_PASSING: Final = frozenset(
    {"_", "SHLVL", "PWD", "OLDPWD", "TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "WINDOWID"}
    | {"TMUX", "TMUX_PANE", "STY", "SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "SSH_AUTH_SOCK", "SMIDGEN_STORE"}
)
# What zig compiles into at the top of a project; cargo marks its directory as a cache.
_MADE: Final = frozenset({".zig-cache", "zig-cache", "zig-out"})
# Nanoseconds: times of files are taken from a clock that ticks more slowly than the one that tells when we began.
_TICK_NS: Final = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a build can have read.

    Attributes:
        trees: Directories of source, absolute.
        files: Other files that count by content; that one is not there counts, too.
        marks: Files and directories that count by size and time, such as compilers.
    """

    trees: tuple[str, ...]
    files: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


class Standing(msgspec.Struct, frozen=True):
    """A build of which everything is known that it read.

    Attributes:
        trees: See :class:`Reading`.
        files: Likewise.
        marks: Likewise.
        state: A digest of them.
        name: Of the program.
        facts: Of the program for each platform.
    """

    trees: tuple[str, ...]
    files: tuple[str, ...]
    marks: tuple[str, ...]
    state: str
    name: str
    facts: tuple[BinaryFacts, ...]


@dataclass(frozen=True, slots=True)
class StandingMaker:
    """Gives a program that was made before."""

    source: Source
    standing: Standing

    @property
    def name(self) -> str:
        """Name the program."""
        return self.standing.name

    def make(self, making: Making) -> tuple[str, tuple[Part, ...]]:
        """See ``Maker``."""
        making.progress(f"nothing changed in {self.source.target}")
        platforms = self.source.settings.platforms
        return self.name, tuple(
            Part(platform=platform, facts=facts, path=None)
            for platform, facts in zip(platforms, self.standing.facts, strict=True)
        )


def standing_maker(source: Source, making: Making) -> StandingMaker | None:
    """Give what makes *source* without a compiler; None where something changed, or may have.

    Raises:
        UsageError: A template in flags is wrong.
    """
    if not _can_stand(source, making):
        return None
    standing = recall(making.store, _key(source, making), Standing)
    if standing is None or len(standing.facts) != len(source.settings.platforms):
        return None
    reading = Reading(trees=standing.trees, files=standing.files, marks=standing.marks)
    try:
        return StandingMaker(source, standing) if _state(reading)[0] == standing.state else None
    except SmidgenError:
        return None


def remember_standing(
    source: Source, making: Making, reading: Reading, made: tuple[str, Sequence[Part]], *, began_ns: int
) -> None:
    """Remember a build; not where it could have read what changed since it began.

    Args:
        source: What was built.
        making: What it was built with.
        reading: What it can have read.
        made: The program's name, and its parts.
        began_ns: When it began, in nanoseconds since 1970.
    """
    if not _can_stand(source, making):
        return
    try:
        state, newest_ns = _state(reading)
    except SmidgenError:
        return
    if newest_ns < began_ns - _TICK_NS:
        name, parts = made
        facts = tuple(part.facts for part in parts)
        standing = Standing(reading.trees, reading.files, reading.marks, state, name, facts)
        remember(making.store, _key(source, making), standing)


def _can_stand(source: Source, making: Making) -> bool:
    # Libraries of this machine that appear or change cannot be seen.
    return making.use_cache and making.request.use_cache and not source.settings.libc


def _state(reading: Reading) -> tuple[str, int]:
    """Give a digest of everything, and when the last of it was changed, in nanoseconds since 1970.

    Raises:
        SmidgenError: Something cannot be read, or there is too much of it.
    """
    whole, newest_ns = hashlib.sha256(), 0
    for tree in reading.trees:
        files = walked_files(tree, without=_MADE)
        whole.update(f"{tree}\0{tree_digest(tree, files)}\0".encode(errors="surrogateescape"))
        # Directories show that something is gone.
        looked_at = {"", *files, *map(os.path.dirname, files)}
        newest_ns = max(newest_ns, *(_changed_ns(os.path.join(tree, name)) for name in looked_at))
    for path in reading.files:
        said = tree_digest("/", (path,)) if os.path.isfile(path) else ""
        whole.update(f"{path}\0{said}\0".encode(errors="surrogateescape"))
        newest_ns = max(newest_ns, _changed_ns(path))
    for path in reading.marks:
        whole.update(f"{path}\0{_mark(path)}\0".encode(errors="surrogateescape"))
    return whole.hexdigest(), newest_ns


def _changed_ns(path: str) -> int:
    try:
        # A file that was moved here is as old as before, but for this.
        return os.lstat(path).st_ctime_ns
    except OSError:
        return 0


def _mark(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    size = found.st_size if stat.S_ISREG(found.st_mode) else 0
    return f"{size} {found.st_mtime_ns} {found.st_ino}"


def _key(source: Source, making: Making) -> str:
    """Name a build by all that is known before; secrets of the environment stand there as a digest only."""
    settings = source.settings
    texts = [__version__, source.language, source.directory, *map(str, settings.platforms), "\0"]
    texts += [settings.bin, settings.sysroot, str(settings.strip), str(making.created), *making.flags(source), "\0"]
    texts += _pairs(settings.build_env)
    texts += ["\0", *_pairs({name: text for name, text in making.request.environ.items() if name not in _PASSING})]
    return hashlib.sha256("\0".join(texts).encode(errors="surrogateescape")).hexdigest()


def _pairs(values: Mapping[str, str]) -> Iterable[str]:
    return (text for item in sorted(values.items()) for text in item)
