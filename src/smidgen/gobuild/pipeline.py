"""The whole way from targets to tagged images.

::

    targets ── settings ── is anything new? ──no──────────────────────┐
                                └─yes── go build ── examine ── record ─┴─ assemble ── tag

What is remembered of a build is what was read from its executables, by ``smidgen.gobuild.cache``; the images
are put together again each time from layers that are already stored, which costs a millisecond. So
the images are right whatever happened to the store in between: what is missing is made.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from smidgen._version import __version__
from smidgen.config.resolve import SCRATCH, resolve_settings
from smidgen.config.search import ConfigSearch
from smidgen.config.settings import Flags, Settings
from smidgen.errors import UsageError
from smidgen.gobuild.answers import Answers
from smidgen.gobuild.assembly import Identity, Part, assemble_image
from smidgen.gobuild.built import Built
from smidgen.gobuild.cache import Hit, Miss, Request, collect_inputs, lookup, record
from smidgen.gobuild.git import GitFacts, PendingGit, start_git
from smidgen.gobuild.head_start import HeadStart, output_directory, taken_over
from smidgen.gobuild.metadata import created_at, image_annotations, image_names
from smidgen.gobuild.options import build_options
from smidgen.gobuild.recipe import Program, ProgramGone, program_layer
from smidgen.gobuild.record import Record, Snapshot
from smidgen.gobuild.target import MainPackage, Resolution, resolve_targets
from smidgen.gobuild.template_values import TemplateSource
from smidgen.gobuild.toolchain import Toolchain, find_toolchain
from smidgen.image.assemble import pack_layer
from smidgen.image.entry_key import content_digest
from smidgen.layer.capabilities import parse_capabilities
from smidgen.needs.examine import BinaryFacts
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.gobuild.bases import Bases
    from smidgen.gobuild.batch import Compiled, Job
    from smidgen.gobuild.cgo.environment import CompilerNames
    from smidgen.gobuild.watch import Watch
    from smidgen.registry.progress import Progress as Transfers

#: Told in words what is going on.
Progress = Callable[[str], None]

#: What is remembered of a build: for each package, for each platform, what its executable told.
_Remembered = tuple[tuple[BinaryFacts, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What is asked for.

    Attributes:
        targets: Directories, import paths, patterns, PATH@VERSION; none means ``.``.
        binary: An executable that is already built, instead of targets.
        directory: Where the command was started, absolute.
        flags: The command line's options.
        configs: Finds the configuration of each target.
        environ: The environment.
        use_cache: Whether what was built before may be taken.
        head_start: A compiler that was started beforehand, or None.
        offline: Whether bases may be of the store only.
        locked: Whether a base that is a tag must be in the lock file.
        transfers: Is told of bases on their way, or None.
        check_name: Refuses, before anything is compiled, names that the images cannot have where they go.
    """

    targets: tuple[str, ...] = ()
    binary: Path | None = None
    directory: Path
    flags: Flags
    configs: ConfigSearch
    environ: Mapping[str, str]
    use_cache: bool = True
    head_start: HeadStart | None = None
    offline: bool = False
    locked: bool = False
    transfers: "Transfers | None" = None
    check_name: Callable[[Reference], None] | None = None

    def check_names(self, names: Iterable[Reference]) -> None:
        """Refuse names that the images cannot have where they go."""
        if self.check_name is not None:
            for name in names:
                self.check_name(name)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a build gave.

    Attributes:
        images: One a program, tagged.
        watch: What the outcome follows from, or None where that is more than can be watched.
    """

    images: tuple[Built, ...]
    watch: "Watch | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Main packages, each with its settings and its identity."""

    toolchain: Toolchain
    resolution: Resolution
    settings: tuple[Settings, ...]
    identities: tuple[Identity, ...]
    source: TemplateSource
    git: PendingGit

    @property
    def packages(self) -> tuple[MainPackage, ...]:
        return self.resolution.packages

    @property
    def places(self) -> tuple[Path | None, ...]:
        """The directory of each package, where it has one here."""
        return tuple(Path(one.directory) if one.directory else None for one in self.packages)


def build_packages(request: BuildRequest, store: ContentStore, *, progress: Progress) -> Outcome:
    """Build every target, which is for Go, into a tagged image of *store*.

    Raises:
        UsageError: The request cannot be meant.
        BuildError: Go is missing, refused a package, or made something that cannot run alone.
        StoreError: The store cannot be written.
    """
    started_ns = request.head_start.started_ns if request.head_start is not None else time.time_ns()
    plan = _plan(request, store)
    with store.writing(), find_bases(request, plan.settings, plan.places, store, progress) as bases:
        found = lookup(_records(store), _question(request, plan))
        # Libraries of this machine that appear or change cannot be watched: Go is fast where nothing changed.
        dynamic = any(one.libc for one in plan.settings)
        use_cache = request.use_cache and not dynamic
        images = _unchanged(plan, found, store, bases) if isinstance(found, Hit) and use_cache else None
        looked_at: Record | Snapshot | None = found.kept if isinstance(found, Hit) else None
        if images is None:
            progress(f"building, as {'libraries may have changed' if dynamic else _reason(found, request)}")
            previous = found.previous if isinstance(found, Miss) else found.kept
            images, looked_at = _compiled(request, plan, previous, store, bases=bases, progress=progress)
        tag(store, images)
        deciding = bases.decided_by if bases is not None else ()
    if looked_at is None or deciding is None or dynamic:
        return Outcome(images)
    return Outcome(images, _watch(request, plan, looked_at, deciding, started_ns))


def find_bases(
    request: BuildRequest,
    settings: Sequence[Settings],
    places: Sequence[Path | None],
    store: ContentStore,
    progress: Progress,
) -> "AbstractContextManager[Bases | None]":
    """Begin to look for what the images stand on; None where all stand on scratch."""
    if all(one.base == SCRATCH for one in settings):
        return nullcontext()
    from smidgen.gobuild.bases import Bases, Wanted, lock_path  # few builds need it

    return Bases(
        [
            Wanted(one, lock_path(request.configs.config(place), request.directory))
            for one, place in zip(settings, places, strict=True)
        ],
        store,
        configs=request.configs,
        offline=request.offline,
        locked=request.locked,
        progress=progress,
        transfers=request.transfers,
    )


def packages_of(request: BuildRequest) -> tuple[tuple[MainPackage, ...], Toolchain]:
    """Tell which main packages *request* means, and what compiles them.

    Raises:
        NotMainPackage: A target is none.
        ToolchainNotFound: There is no Go.
    """
    toolchain = find_toolchain(_first_settings(request).go, request.environ)
    found = resolve_targets(request.targets, cwd=str(request.directory), toolchain=toolchain, environ=request.environ)
    return found.packages, toolchain


def tag(store: ContentStore, images: Sequence[Built]) -> None:
    """Give every image its names, all of them in one step.

    Raises:
        UsageError: Two images would have the same name.
    """
    names = {}
    for built in images:
        for name in built.names:
            if name in names:
                raise UsageError(
                    f"two images would be called {name.familiar}, that of {built.target} is one",
                    hint="give the targets names in smidgen.yaml, or build them one by one with -t",
                )
            names[name] = built.image.descriptor
    store.tag_all(names)


def _plan(request: BuildRequest, store: ContentStore) -> _Plan:
    git = start_git(str(request.directory), request.environ)
    try:
        toolchain = find_toolchain(_first_settings(request).go, request.environ)
        resolution = resolve_targets(
            request.targets,
            cwd=str(request.directory),
            toolchain=toolchain,
            environ=request.environ,
            answers=Answers(_records(store)),
        )
        settings = tuple(package_settings(request, package) for package in resolution.packages)
        facts = git.result()
    finally:
        git.stop()
    source = TemplateSource(environ=request.environ, git=facts, now=int(time.time()))
    identities = tuple(
        identity_of(package, one, facts, source) for package, one in zip(resolution.packages, settings, strict=True)
    )
    request.check_names(name for identity in identities for name in identity.names)
    return _Plan(
        toolchain=toolchain,
        resolution=resolution,
        settings=settings,
        identities=identities,
        source=source,
        git=git,
    )


def _first_settings(request: BuildRequest) -> Settings:
    """Give the settings of the first target: they say which toolchain reads the targets."""
    first = request.targets[0] if request.targets else "."
    place = request.directory / first.partition("...")[0]
    return resolve_settings(
        first,
        directory=request.directory,
        flags=request.flags,
        config=request.configs.config(place if place.is_dir() else None),
        environ=request.environ,
    )


def package_settings(request: BuildRequest, package: MainPackage) -> Settings:
    """Give the settings of one package that *request* means."""
    place = Path(package.directory) if package.directory else None
    return resolve_settings(
        package.target,
        directory=request.directory,
        flags=request.flags,
        config=request.configs.config(place),
        environ=request.environ,
        path=place,
        import_path=package.import_path,
    )


def identity_of(package: MainPackage, settings: Settings, git: GitFacts | None, source: TemplateSource) -> Identity:
    """Say what the image of a package is called, and what it says of itself."""
    # A module from the proxy was not built from the repository that this directory happens to be in.
    git = None if package.version else git
    created = created_at(git, source.environ)
    kodata = Path(package.directory) / "kodata" if package.directory else None
    return Identity(
        target=package.target,
        program=package.name,
        names=image_names(settings, package.name, source),
        annotations=image_annotations(settings, git, created),
        created=created,
        kodata=kodata if settings.kodata and kodata and kodata.is_dir() else None,
    )


def _reason(found: Hit | Miss, request: BuildRequest) -> str:
    if isinstance(found, Miss):
        return found.reason
    return "a layer of the last build is no longer stored" if request.use_cache else "the cache is not to be used"


def _unchanged(plan: _Plan, found: Hit, store: ContentStore, bases: "Bases | None") -> tuple[Built, ...] | None:
    """Give the images from what is remembered; None if that does not suffice any more."""
    try:
        remembered = msgspec.json.decode(found.result, type=_Remembered)
        parts = [
            [
                Part(platform=platform, facts=facts, path=None)
                for platform, facts in zip(one.platforms, each, strict=True)
            ]
            for one, each in zip(plan.settings, remembered, strict=True)
        ]
        return _assembled(plan, store, parts, bases, cached=True)
    except (msgspec.DecodeError, ValueError, ProgramGone):
        # What is remembered is of another version of smidgen, or a layer was collected.
        return None


def _compiled(
    request: BuildRequest,
    plan: _Plan,
    previous: Record | None,
    store: ContentStore,
    *,
    bases: "Bases | None",
    progress: Progress,
) -> tuple[tuple[Built, ...], Snapshot | None]:
    from smidgen.gobuild.cgo.told import PendingFacts  # only a build that compiles needs them
    from smidgen.gobuild.compile import compile_packages

    if bases is not None:
        # A misspelt base is said now, not when all is compiled.
        bases.check()
    with output_directory(request.head_start) as output:
        compiled = compile_packages(
            _jobs(plan),
            toolchain=plan.toolchain,
            environ=request.environ,
            output=output,
            templates=plan.source,
            progress=progress,
            started=taken_over(request.head_start),
        )
        # At once: the longer we wait, the more files may have changed under us.
        snapshot = collect_inputs(_question(request, plan), plan.resolution, compiled, previous=previous)
        folder = os.path.join(store.root, "cache", "cgo")
        with PendingFacts(compiled, plan.toolchain, request.environ, folder) as pending:
            parts = [
                [replace(part, facts=pending.told(part.facts, package, part.platform)) for part in each]
                for package, each in zip(plan.packages, _examined(plan, compiled, store), strict=True)
            ]
        images = _assembled(plan, store, parts, bases, cached=False)
        remembered = msgspec.json.encode(tuple(tuple(part.facts for part in each) for each in parts))
        if reason := record(_records(store), _question(request, plan), snapshot, remembered):
            progress(f"the next build compiles again: {reason}")
            return images, None
        return images, snapshot


def _watch(
    request: BuildRequest, plan: _Plan, looked_at: Record | Snapshot, deciding: Iterable[str], started_ns: int
) -> "Watch | None":
    from smidgen.gobuild.compile import commands_of
    from smidgen.gobuild.watch import OUTPUT, compiler_of, watch

    if any(plan.source.git is None or root != plan.source.git.root for root in looked_at.repositories):
        # Only the repository of the directory we are in is asked about.
        return None
    return watch(
        plan.packages,
        plan.settings,
        directory=str(request.directory),
        config_names=(*request.configs.watched(), *deciding, *_c_compilers(request, plan)[1]),
        toolchain=plan.toolchain,
        git=plan.git,
        search_path=request.environ.get("PATH", os.defpath),
        files=looked_at.files,
        folders=looked_at.names,
        absent=looked_at.absent,
        started_ns=started_ns,
        compiler=compiler_of(
            commands_of(
                _jobs(plan),
                toolchain=plan.toolchain,
                environ=request.environ,
                place=OUTPUT,
                templates=plan.source,
            ),
            request.environ,
            plan.settings,
        ),
    )


def _jobs(plan: _Plan) -> "list[Job]":
    from smidgen.gobuild.batch import Job

    return [
        Job(package=package, options=build_options(settings), platforms=settings.platforms)
        for package, settings in zip(plan.packages, plan.settings, strict=True)
    ]


def _examined(plan: _Plan, compiled: "Compiled", store: ContentStore) -> list[list[Part]]:
    """Read each executable; meanwhile another thread packs it, which mostly happens outside of Python."""
    binaries = iter(compiled.binaries)
    return [
        [
            part_of(Path(binary.path), platform, one, store)
            for platform, binary in zip(one.platforms, binaries, strict=False)
        ]
        for one in plan.settings
    ]


def part_of(path: Path, platform: Platform, settings: Settings, store: ContentStore) -> Part:
    """Read the executable at *path*, and pack its layer."""
    from smidgen.needs.examine import examine

    digest = content_digest(path)
    capabilities = parse_capabilities(settings.linux_capabilities)
    layer = program_layer(Program(name=path.name, digest=digest, path=path, capabilities=capabilities))

    def pack() -> None:
        # Whatever goes wrong here goes wrong again, and is reported, when the image is put together.
        with suppress(Exception):
            pack_layer(store, layer, settings.compression)

    packing = threading.Thread(target=pack)
    if not settings.single_layer:
        packing.start()
    try:
        part = Part(platform=platform, facts=examine(path, platform, digest=digest), path=path)
        if not settings.libc:
            return part
        from smidgen.gobuild.dynamic import with_closure  # few programs are linked like that

        return with_closure(part, settings)
    finally:
        if not settings.single_layer:
            packing.join()


def _assembled(
    plan: _Plan, store: ContentStore, parts: Sequence[Sequence[Part]], bases: "Bases | None", *, cached: bool
) -> tuple[Built, ...]:
    return tuple(
        assemble_image(
            store, settings, identity, each, cached=cached, base=bases.of(number) if bases is not None else None
        )
        for number, (settings, identity, each) in enumerate(zip(plan.settings, plan.identities, parts, strict=True))
    )


def _question(request: BuildRequest, plan: _Plan) -> Request:
    each = [(package.import_path, one.platforms) for package, one in zip(plan.packages, plan.settings, strict=True)]
    return Request(
        cwd=str(request.directory),
        targets=request.targets,
        options=tuple((build_options(settings), settings.platforms) for settings in plan.settings),
        toolchain=plan.toolchain,
        source=plan.source,
        # What is read from an executable depends on who reads it.
        extra=msgspec.json.encode((__version__, each, _c_compilers(request, plan)[0])),
    )


def _c_compilers(request: BuildRequest, plan: _Plan) -> "CompilerNames":
    """Name what compiles C in this build: nothing without cgo."""
    if not any(settings.cgo for settings in plan.settings):
        return (), ()
    from smidgen.gobuild.cgo.environment import compiler_names  # few programs have C in them

    wanted = [(build_options(settings), settings.platforms) for settings in plan.settings]
    return compiler_names(wanted, request.environ, plan.toolchain.goroot)


def _records(store: ContentStore) -> str:
    return os.path.join(store.root, "cache", "builds")
