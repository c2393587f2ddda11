"""Programs that a script of the user's makes: run for each platform for which nothing is remembered."""

import hashlib
import os
from dataclasses import dataclass
from typing import Final

from smidgen._version import __version__
from smidgen.gobuild.assembly import Part
from smidgen.gobuild.process import Outcome, available_cores, run_all
from smidgen.gobuild.sources.kept import recall, remember
from smidgen.gobuild.sources.makers import Making
from smidgen.gobuild.sources.program import finished
from smidgen.gobuild.sources.script import check_ended, made_executable, script_command, workplace
from smidgen.gobuild.sources.target import Source
from smidgen.gobuild.sources.tools import Tools, tools_for
from smidgen.gobuild.sources.tree import source_files, tree_digest
from smidgen.needs.examine import BinaryFacts
from smidgen.oci.platform import Platform

_ADVICE: Final = (
    'the script must compile with $CC or $CXX, which a Makefile that sets its own does not do: `make CC="$CC"`'
)


@dataclass(frozen=True, slots=True)
class ScriptMaker:
    """Makes a program by the script that its settings have."""

    source: Source

    @property
    def name(self) -> str:
        """Name the program: as its file is called, else as its directory."""
        return os.path.basename(self.source.settings.bin or self.source.directory) or "app"

    def make(self, making: Making) -> tuple[str, tuple[Part, ...]]:
        """See ``Maker``."""
        return self.name, _parts(self.source, self.name, making)


def _parts(source: Source, name: str, making: Making) -> tuple[Part, ...]:
    request, store, progress = making.request, making.store, making.progress
    settings = source.settings
    files = source_files(source.directory, request.environ)
    digest = tree_digest(source.directory, files)
    # Libraries of this machine that appear or change cannot be seen.
    use_cache = making.use_cache and request.use_cache and not settings.libc
    parts: dict[Platform, Part] = {}
    keys: dict[Platform, tuple[str, Tools]] = {}
    for platform in settings.platforms:
        tools = tools_for(settings, platform, request.environ)
        key = _key(source, name, making.created, platform, tools=tools, digest=digest)
        known = recall(store, key, BinaryFacts) if use_cache else None
        if known is not None:
            parts[platform] = Part(platform=platform, facts=known, path=None)
        else:
            keys[platform] = key, tools
    waiting = list(keys)
    places = [making.stack.enter_context(workplace(request.environ, keys[platform][0])) for platform in waiting]
    commands = [
        script_command(
            settings.build,
            source.directory,
            files,
            place=place,
            name=name,
            tools=keys[platform][1],
            own={"SOURCE_DATE_EPOCH": str(making.created), **settings.build_env},
            environ=request.environ,
        )
        for platform, place in zip(waiting, places, strict=True)
    ]

    def ended(position: int, outcome: Outcome) -> None:
        platform, place = waiting[position], places[position]
        check_ended(outcome, source.target, platform, keys[platform][1])
        path = made_executable(place, name, settings.bin, target=source.target)
        into = os.path.join(place, "finished")
        part = finished(path, name, platform, settings, into=into, target=source.target, advice=_ADVICE)
        if not settings.libc:
            remember(store, keys[platform][0], part.facts)
        parts[platform] = part
        progress(f"built {source.target} for {platform}")

    for platform in waiting:
        progress(f"building {source.target} for {platform}")
    run_all(commands, at_once=available_cores(), ended=ended)
    return tuple(parts[platform] for platform in settings.platforms)


def _key(source: Source, name: str, created: int, platform: Platform, *, tools: Tools, digest: str) -> str:
    """Name a build by all that goes into it; what the user sets may be secret, and stands there as a digest only."""
    settings = source.settings
    texts = [__version__, digest, str(platform), tools.identity, name, str(created), settings.bin]
    texts += [settings.libc, settings.sysroot, str(settings.strip), *settings.build, "\0"]
    texts += [text for item in sorted(settings.build_env.items()) for text in item]
    return hashlib.sha256("\0".join(texts).encode(errors="surrogateescape")).hexdigest()
