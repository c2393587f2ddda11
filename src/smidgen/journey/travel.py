"""Goes from station to station: builds each image twice, counts what is in it, and starts it."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from smidgen.config.search import ConfigSearch
from smidgen.config.settings import Flags
from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.dockerfile.execute.report import Silent
from smidgen.dockerfile.execute.request import DockerfileRequest, build_dockerfile
from smidgen.dockerfile.parse import parse
from smidgen.dockerfile.plan import BuildOptions
from smidgen.errors import SmidgenError, UsageError
from smidgen.gobuild.pipeline import BuildRequest, build_packages, packages_of
from smidgen.image.image import Image
from smidgen.journey.measure import ImageFigures, measure_image
from smidgen.journey.stations import SETTINGS, Names, Project, Station, stations
from smidgen.oci.platform import host_platform
from smidgen.oci.reference import Reference
from smidgen.sandbox.prove import Proof, ProveOptions, prove_image
from smidgen.store.content import ContentStore

#: Appended to the program's name for the repository of the images.
SUFFIX: Final = "-journey"


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyOptions:
    """What is asked for.

    Attributes:
        target: A main package.
        directory: Where the command was started, absolute.
        environ: The environment.
        golang: The image with the toolchain on Debian, or empty for that of the release that compiles here.
        alpine: The runtime image, or empty for ``alpine``.
        distroless: The image without a shell, or empty for Google's.
        only: Names of stations, or empty for all.
        prove: How the images are started.
        timeout: Most seconds for a command of a build, or None.
    """

    target: str
    directory: Path
    environ: Mapping[str, str]
    golang: str = ""
    alpine: str = ""
    distroless: str = ""
    only: frozenset[str] = frozenset()
    prove: ProveOptions
    timeout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An image.

    Attributes:
        name: In the store.
        figures: What is in it.
        cold: Seconds of a build with the base images in the store and nothing compiled.
        warm: Seconds of the same build again.
    """

    name: Reference
    figures: ImageFigures
    cold: float
    warm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a station is like.

    Attributes:
        station: Which.
        made: None where the image could not be built.
        proof: How it ran; None where it could not be started.
        fault: Why there is no image, or why it did not run well; empty where all went well.
    """

    station: Station
    made: Made | None = None
    proof: Proof | None = None
    fault: str = ""


#: Is told what is being done.
Tell = Callable[[str], None]


def plan_journey(options: JourneyOptions) -> tuple[str, Project, tuple[Station, ...]]:
    """Find the program, and give its name, its place and its stations.

    Raises:
        UsageError: The target is several programs, or none of a directory; or there is no such station.
        NotMainPackage: It is none.
    """
    request = _request(options)
    packages, toolchain = packages_of(request)
    if len(packages) != 1:
        raise UsageError(f"{options.target} means {len(packages)} programs", hint="name one main package")
    project = Project.of(packages[0], toolchain.version)
    names = Names.of(project.release)
    names = replace(
        names,
        golang=options.golang or names.golang,
        golang_alpine=f"{options.golang}-alpine" if options.golang else names.golang_alpine,
        alpine=options.alpine or names.alpine,
        distroless=options.distroless or names.distroless,
    )
    found = stations(project, names, _settings(options.environ))
    known = [station.name for station in found]
    if unknown := sorted(options.only.difference(known)):
        raise UsageError(f"there is no station {unknown[0]!r}", hint=f"expected {', '.join(known)}")
    chosen = tuple(station for station in found if not options.only or station.name in options.only)
    return packages[0].name, project, chosen


def travel(options: JourneyOptions, store: ContentStore, *, tell: Tell = lambda _: None) -> Iterator[Visit]:
    """Visit the stations, one after the other.

    A station that cannot be built or started is no end: its visit says why.

    Raises:
        UsageError: As ``plan_journey``.
        CompileError: The program itself cannot be compiled.
        StoreError: The store cannot be written.
    """
    name, project, found = plan_journey(options)
    for station in found:
        reference = Reference.parse(f"{name}{SUFFIX}:{station.name}")
        tell(f"{station.name}: {station.title}")
        if not station.dockerfile:
            yield _measured(station, reference, _built_here(options, store, reference), options, tell)
            continue
        try:
            _fetch_bases(station, store)
        except SmidgenError as error:
            yield Visit(station=station, fault=f"a base image cannot be had: {error.message}")
            continue
        try:
            times = _built_by_dockerfile(station, project, options, store, reference)
        except SmidgenError as error:
            yield Visit(station=station, fault=f"it cannot be built: {error.message}")
            continue
        yield _measured(station, reference, times, options, tell)


@dataclass(frozen=True, slots=True)
class _Times:
    image: Image
    cold: float
    warm: float


def _measured(station: Station, reference: Reference, times: _Times, options: JourneyOptions, tell: Tell) -> Visit:
    single = times.image.for_platform(None)
    made = Made(name=reference, figures=measure_image(single), cold=times.cold, warm=times.warm)
    visit = Visit(station=station, made=made)
    tell(f"{station.name}: starting it")
    try:
        proof = prove_image(single, options.prove)
    except SmidgenError as error:
        return replace(visit, fault=f"it cannot be started: {error.message}")
    return replace(visit, proof=proof, fault=proof.failures[0] if proof.failures else "")


def _fetch_bases(station: Station, store: ContentStore) -> None:
    """Have the base images in the store, so that no build waits for them."""
    for base in station.bases:
        _build(f"FROM {base}\n", ExecuteOptions(context=Path("/")), store, ())


def _built_by_dockerfile(
    station: Station, project: Project, options: JourneyOptions, store: ContentStore, reference: Reference
) -> _Times:
    execute = ExecuteOptions(
        context=project.context,
        timeout=options.timeout,
        secrets={name: value.encode() for name, value in _settings(options.environ).items()},
        use_cache=False,
    )
    with _clock() as cold:
        _build(station.dockerfile, execute, store, (reference,))
    with _clock() as warm:
        image = _build(station.dockerfile, replace(execute, use_cache=True), store, (reference,))
    return _Times(image, cold.seconds, warm.seconds)


def _build(text: str, execute: ExecuteOptions, store: ContentStore, names: tuple[Reference, ...]) -> Image:
    host = host_platform()
    request = DockerfileRequest(
        dockerfile=parse(text, name="Dockerfile"),
        platforms=(),
        build=BuildOptions(build_platform=host, target_platform=host),
        execute=execute,
        names=names,
    )
    return build_dockerfile(request, store, Silent()).image


def _built_here(options: JourneyOptions, store: ContentStore, reference: Reference) -> _Times:
    request = _request(options)
    flags = Flags(names=(str(reference),), platforms=(str(host_platform()),))
    # As a container begins: with no package compiled yet.
    with tempfile.TemporaryDirectory(prefix="smidgen-journey-") as cache:
        environ = {**options.environ, "GOCACHE": cache}
        fresh = replace(request, flags=flags, environ=environ, use_cache=False)
        with _clock() as cold:
            build_packages(fresh, store, progress=_nobody)
        with _clock() as warm:
            outcome = build_packages(replace(fresh, use_cache=True), store, progress=_nobody)
    return _Times(outcome.images[0].image, cold.seconds, warm.seconds)


def _request(options: JourneyOptions) -> BuildRequest:
    environ = dict(options.environ)
    return BuildRequest(
        targets=(options.target,),
        directory=options.directory,
        flags=Flags(),
        configs=ConfigSearch(None, options.directory, environ),
        environ=environ,
    )


def _settings(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: environ[name] for name in SETTINGS if environ.get(name)}


@dataclass(slots=True)
class _Clock:
    seconds: float = 0.0


@contextmanager
def _clock() -> Iterator[_Clock]:
    clock, begin = _Clock(), time.monotonic()
    yield clock
    clock.seconds = time.monotonic() - begin


def _nobody(_text: str) -> None:
    """Tell nobody."""
