"""Programs that a script of the user's makes: run for each platform for which nothing is remembered."""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from smidgen._version import __version__
from smidgen.gobuild.assembly import Identity, Part
from smidgen.gobuild.process import Outcome, available_cores, run_all
from smidgen.gobuild.sources.kept import recall, remember
from smidgen.gobuild.sources.program import finished
from smidgen.gobuild.sources.script import check_ended, made_executable, script_command, workplace
from smidgen.gobuild.sources.target import Source
from smidgen.gobuild.sources.tools import Tools, tools_for
from smidgen.gobuild.sources.tree import source_files, tree_digest
from smidgen.oci.platform import Platform
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.gobuild.pipeline import BuildRequest

_ADVICE: Final = (
    'the script must compile with $CC or $CXX, which a Makefile that sets its own does not do: `make CC="$CC"`'
)


def scripted_parts(
    request: "BuildRequest",
    source: Source,
    identity: Identity,
    store: ContentStore,
    *,
    stack: ExitStack,
    use_cache: bool,
    progress: Callable[[str], None],
) -> tuple[Part, ...]:
    """Give the program of *source* for each of its platforms.

    Args:
        request: What was asked for.
        source: One with a script.
        identity: What its image is called.
        store: Where what is read from programs is remembered.
        stack: Ends when the executables are no longer needed.
        use_cache: Whether what is remembered may be taken.
        progress: Told what begins.

    Raises:
        BuildError: A compiler is missing, a script failed, or made something that cannot run alone.
        UsageError: There is too much source.
    """
    settings = source.settings
    files = source_files(source.directory, request.environ)
    digest = tree_digest(source.directory, files)
    # Libraries of this machine that appear or change cannot be seen.
    use_cache = use_cache and request.use_cache and not settings.libc
    parts: dict[Platform, Part] = {}
    keys: dict[Platform, tuple[str, Tools]] = {}
    for platform in settings.platforms:
        tools = tools_for(settings, platform, request.environ)
        key = _key(source, identity, platform, tools, digest)
        known = recall(store, key) if use_cache else None
        if known is not None:
            parts[platform] = Part(platform=platform, facts=known, path=None)
        else:
            keys[platform] = key, tools
    waiting = list(keys)
    places = [stack.enter_context(workplace(request.environ, keys[platform][0])) for platform in waiting]
    commands = [
        script_command(
            settings.build,
            source.directory,
            files,
            place=place,
            name=identity.program,
            tools=keys[platform][1],
            own={"SOURCE_DATE_EPOCH": str(identity.created), **settings.build_env},
            environ=request.environ,
        )
        for platform, place in zip(waiting, places, strict=True)
    ]

    def ended(position: int, outcome: Outcome) -> None:
        platform, place = waiting[position], places[position]
        check_ended(outcome, source.target, platform)
        path = made_executable(place, identity.program, settings.bin, target=source.target)
        part = finished(path, identity.program, platform, settings, target=source.target, advice=_ADVICE)
        if not settings.libc:
            remember(store, keys[platform][0], part.facts)
        parts[platform] = part
        progress(f"built {source.target} for {platform}")

    for platform in waiting:
        progress(f"building {source.target} for {platform}")
    run_all(commands, at_once=available_cores(), ended=ended)
    return tuple(parts[platform] for platform in settings.platforms)


def _key(source: Source, identity: Identity, platform: Platform, tools: Tools, digest: str) -> str:
    """Name a build by all that goes into it; what the user sets may be secret, and stands there as a digest only."""
    settings = source.settings
    texts = [__version__, digest, str(platform), tools.identity, identity.program, str(identity.created), settings.bin]
    texts += [settings.libc, settings.sysroot, str(settings.strip), *settings.build, "\0"]
    texts += [text for item in sorted(settings.build_env.items()) for text in item]
    return hashlib.sha256("\0".join(texts).encode(errors="surrogateescape")).hexdigest()
