"""One step of a flow: its Dockerfile is built, cleaned up and squashed, and its command is run in the outcome."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import msgspec

from smidgen.dockerfile.execute.build import Executed, execute
from smidgen.dockerfile.execute.builder import Builder
from smidgen.dockerfile.execute.layers import Chain
from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.dockerfile.execute.report import StepName, Watcher
from smidgen.dockerfile.instruction import Dockerfile
from smidgen.dockerfile.origins import StageOrigin
from smidgen.dockerfile.plan import BuildOptions, Plan, plan, unused_build_args
from smidgen.flow.bench import Bench
from smidgen.flow.build_file import FlowStep
from smidgen.flow.commands import InImage
from smidgen.flow.dockerfiles import find_place, point, read_dockerfile
from smidgen.flow.secret_server import VARIABLES
from smidgen.flow.squash import difference
from smidgen.flow.telling import LabelledWatcher
from smidgen.image.image import Image
from smidgen.layer.merged import Merged
from smidgen.layer.pack import pack
from smidgen.layer.packed import Layer
from smidgen.layer.snapshot import Times
from smidgen.oci.config import History, RootFS, encode_config
from smidgen.oci.manifest import encode
from smidgen.oci.media_types import OCI_CONFIG, OCI_MANIFEST
from smidgen.oci.platform import host_platform


@dataclass(frozen=True, slots=True)
class BuiltStep:
    """A step that is done.

    Attributes:
        step: Which.
        image: For one platform.
        view: Its files, while the store's ``writing()`` is held.
    """

    step: FlowStep
    image: Image
    view: Merged


def build_step(
    bench: Bench, step: FlowStep, images: Mapping[str, str], *, begin: Callable[[Builder], None] = lambda _: None
) -> BuiltStep:
    """Build *step*; its image has no tag yet.

    Args:
        bench: What all steps have in common.
        step: Which.
        images: References of the images of other steps, by what Dockerfiles call them.
        begin: Is given what builds, so that it can be ended.

    Raises:
        ConfigError: The file says what cannot be done.
        DockerfileError: An instruction cannot be done.
        StepFailed: A command failed.
    """
    watcher = LabelledWatcher(step.label, bench.watcher)
    place = find_place(bench.flow, step, bench.options.directory)
    pointed = point(read_dockerfile(bench.flow, step, place), images)
    planned = _plan(bench, step, pointed.dockerfile, pointed.contexts, watcher)
    options = ExecuteOptions(
        context=place.context,
        dockerfile=place.dockerfile,
        use_cache=bench.options.use_cache and not step.no_cache,
        network=bench.options.network,
        secrets=bench.secrets,
        timeout=bench.options.timeout,
        runtime=bench.options.runtime,
    )
    after = _After(bench, step, watcher)
    built = execute(planned, bench.store, options, watcher, use=after.use, begin=begin)
    image = built.image if after.squashed is None else _squashed(built.image, after.squashed, after.below)
    return BuiltStep(step, image, after.view)


def _plan(bench: Bench, step: FlowStep, dockerfile: Dockerfile, contexts: Mapping[str, str], watcher: Watcher) -> Plan:
    given = {**bench.options.build_args, **step.args}
    options = BuildOptions(
        build_platform=host_platform(),
        target_platform=bench.options.platform,
        target=step.target,
        build_args={name: value for name, value in given.items() if name not in VARIABLES or not bench.variables},
        contexts=contexts,
    )
    planned = plan(dockerfile, options)
    # What is given to all steps need not be for each; what a step says itself should be.
    for name in unused_build_args(planned):
        if name in step.args:
            watcher.warn(f"the argument {name} is not used: the Dockerfile has no ARG {name}")
    for doubt in planned.warnings:
        watcher.warn(str(doubt))
    return replace(planned, proxies={**planned.proxies, **bench.variables})


class _After:
    """What is done when a Dockerfile is built and everything is still there."""

    def __init__(self, bench: Bench, step: FlowStep, watcher: Watcher) -> None:
        self._bench = bench
        self._step = step
        self._watcher = watcher
        self.view = Merged(())
        self.squashed: Layer | None = None
        self.below = 0

    def use(self, executed: Executed) -> None:
        builder, chain, step = executed.builder, executed.chain, self._step
        state = builder.stage(builder.plan.target.index).resolved.state
        inside = InImage(self._bench.flow, executed, state, self._bench.watcher)
        if step.cleanup and self._bench.options.cleanup:
            count = len(step.cleanup)
            named = [
                (text, StepName(f"{step.label}/cleanup", at, count, text.shown))
                for at, text in enumerate(step.cleanup, 1)
            ]
            chain = inside.run_all(named, chain)
            self._squash(builder, chain)
        self.view = builder.layers.view(chain)
        if step.command is not None:
            inside.run(step.command, StepName(f"{step.label}/command", 1, 1, step.command.shown), chain)

    def _squash(self, builder: Builder, chain: Chain) -> None:
        """Pack all that stands above the base as one layer."""
        self.below = _height(builder)
        base, whole = builder.layers.view(chain[: self.below]), builder.layers.view(chain)
        times = Times(fixed=builder.created)
        stubs = frozenset[str]().union(*(result.stubs for result in chain))
        with self._bench.store.writer() as writer:
            layer = pack(difference(base, whole, times=times, stubs=stubs), writer.write)
            writer.commit(layer.descriptor.digest, layer.descriptor.size)
        self.squashed = layer


def _height(builder: Builder) -> int:
    """Count the layers of the image that the target stands on."""
    planned = builder.plan.target
    while isinstance(planned.base, StageOrigin):
        planned = builder.plan.all_stages[planned.base.index]
    return len(builder.chain(planned.base))


def _squashed(image: Image, layer: Layer, below: int) -> Image:
    """Give *image* with *layer* in the place of all layers above the lowest *below*."""
    config, manifest, store = image.config, image.manifest, image.store
    told, seen = list[History](), 0
    for entry in config.history or ():
        seen += not entry.empty_layer
        is_kept = entry.empty_layer or seen <= below
        told.append(entry if is_kept else msgspec.structs.replace(entry, empty_layer=True))
    told.append(History(created=config.created, created_by="cleanup", comment="squashed by smidgen flow"))
    config = msgspec.structs.replace(
        config,
        rootfs=RootFS(type="layers", diff_ids=(*config.rootfs.diff_ids[:below], layer.diff_id)),
        history=tuple(told),
    )
    manifest = msgspec.structs.replace(
        manifest,
        config=store.put(encode_config(config), media_type=OCI_CONFIG),
        layers=(*manifest.layers[:below], layer.descriptor),
    )
    return Image(store, store.put(encode(manifest), media_type=OCI_MANIFEST))
