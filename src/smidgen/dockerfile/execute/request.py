"""A whole build: for each platform, into one image or index, under all its names, to all its outputs."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from smidgen.dockerfile.execute.build import BuiltStage, Executed, execute
from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.dockerfile.execute.report import Watcher
from smidgen.dockerfile.execute.sources import Status
from smidgen.dockerfile.instruction import Dockerfile
from smidgen.dockerfile.plan import BuildOptions, Plan, plan, unused_build_args
from smidgen.errors import UsageError
from smidgen.image.image import Image
from smidgen.layer.merged import Merged
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.dockerfile.cache.session import CacheSession


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerfileRequest:
    """What is to be built.

    Attributes:
        dockerfile: Parsed.
        platforms: Of the images; the machine's own for none.
        build: What the user says beside the Dockerfile, for the first platform.
        execute: How.
        names: Of the image; may be empty.
    """

    dockerfile: Dockerfile
    platforms: tuple[Platform, ...]
    build: BuildOptions
    execute: ExecuteOptions
    names: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class DockerfileOutcome:
    """What was built.

    Attributes:
        image: An image, or an index where there are several platforms.
        images: The image of each platform.
        looked: See ``BuiltStage.looked``.
    """

    image: Image
    images: tuple[Image, ...]
    looked: dict[str, Status | None] | None


#: Is given the files of each platform's image while they are there; the path is empty for a single platform.
UseFiles = Callable[[Merged, Path], None]


def build_dockerfile(
    request: DockerfileRequest, store: ContentStore, watcher: Watcher, use_files: UseFiles | None = None
) -> DockerfileOutcome:
    """Build the image of *request* in *store*, and tag it there.

    Raises:
        DockerfileError: An instruction cannot be done; shows its line.
        StepFailed: A command failed.
        SmidgenError: Anything else.
    """
    platforms = request.platforms or (request.build.target_platform,)
    plans = [_plan(request, platform) for platform in platforms]
    for name in unused_build_args(plans[0]):
        watcher.warn(f"--build-arg {name} is not used: the Dockerfile has no ARG {name}")
    for doubt in plans[0].warnings:
        watcher.warn(str(doubt))
    built: list[BuiltStage] = []
    with store.writing(), _caches(request.execute, store, watcher) as caches:
        for platform, planned in zip(platforms, plans, strict=True):
            place = Path(str(platform).replace("/", "_")) if len(platforms) > 1 else Path()
            built.append(_one(planned, request, store, watcher, caches=caches, place=place, use_files=use_files))
        images = [one.image for one in built]
        image = images[0] if len(images) == 1 else _index(store, images, request)
        store.tag_all(dict.fromkeys(request.names, image.descriptor))
        if caches is not None:
            caches.write()
    if request.names:
        image = replace(image, reference=request.names[0])
    return DockerfileOutcome(image, tuple(images), _all_looked(built))


@contextmanager
def _caches(options: ExecuteOptions, store: ContentStore, watcher: Watcher) -> "Iterator[CacheSession | None]":
    """Give the caches of other machines, or None where the store is the only one."""
    if not options.cache_from and not options.cache_to:
        yield None
        return
    from smidgen.dockerfile.cache.session import CacheSession  # most builds have none

    with closing(CacheSession(options, store, watcher)) as session:
        yield session


def _all_looked(built: list[BuiltStage]) -> dict[str, Status | None] | None:
    found: dict[str, Status | None] = {}
    for one in built:
        if one.looked is None:
            return None
        found.update(one.looked)
    return found


def _plan(request: DockerfileRequest, platform: Platform) -> Plan:
    if platform.os != "linux":
        raise UsageError(f"cannot build for {platform}", hint="images for linux can be built")
    return plan(request.dockerfile, replace(request.build, target_platform=platform))


def _one(
    planned: Plan,
    request: DockerfileRequest,
    store: ContentStore,
    watcher: Watcher,
    *,
    caches: "CacheSession | None",
    place: Path,
    use_files: UseFiles | None,
) -> BuiltStage:
    def use(executed: Executed) -> None:
        if use_files is not None:
            use_files(executed.view(), place)
        if caches is not None:
            caches.collect(executed.builder)

    if caches is None:
        return execute(planned, store, request.execute, watcher, use=use)
    return caches.build(lambda imports: execute(planned, store, request.execute, watcher, use=use, imports=imports))


def _index(store: ContentStore, images: list[Image], request: DockerfileRequest) -> Image:
    from smidgen.image.assemble import assemble_index  # most builds are for one platform

    return assemble_index(store, images, annotations=request.execute.annotations)
