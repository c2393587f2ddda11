"""From a plan to an image in the store."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from smidgen.dockerfile.execute.builder import Builder
from smidgen.dockerfile.execute.layers import Chain
from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.dockerfile.execute.report import Watcher
from smidgen.dockerfile.execute.sources import Status
from smidgen.dockerfile.plan import Plan
from smidgen.dockerfile.state import StageState
from smidgen.image.image import Image
from smidgen.layer.merged import Merged
from smidgen.layer.packed import Layer
from smidgen.oci.config import History, ImageConfig, RootFS, encode_config
from smidgen.oci.manifest import Manifest, encode
from smidgen.oci.media_types import OCI_CONFIG, OCI_MANIFEST
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.dockerfile.cache.imports import Imports


@dataclass(frozen=True, slots=True)
class BuiltStage:
    """An image that was just made.

    Attributes:
        image: For one platform.
        state: What the Dockerfile came to.
        looked: What was looked at in contexts; None where more than files decided, so that nobody can tell from them
            whether the next build would be the same.
    """

    image: Image
    state: StageState
    looked: dict[str, Status | None] | None


@dataclass(frozen=True, slots=True)
class Executed:
    """A build whose stages are done and still there.

    Attributes:
        builder: What did it.
        chain: The target's layers.
    """

    builder: Builder
    chain: Chain

    def view(self) -> Merged:
        """Give the files of the target."""
        return self.builder.layers.view(self.chain)


def execute(
    plan: Plan,
    store: ContentStore,
    options: ExecuteOptions,
    watcher: Watcher,
    *,
    use: Callable[[Executed], None] = lambda _: None,
    begin: Callable[[Builder], None] = lambda _: None,
    imports: "Imports | None" = None,
) -> BuiltStage:
    """Build the target of *plan* for one platform; the image has no tag yet, so hold ``store.writing()``.

    *use* is called when all is done and before anything is let go. *begin* is given what builds before it does, so that
    others can end it. *imports* are caches of other machines.

    Raises:
        DockerfileError: An instruction cannot be done; shows its line.
        StepFailed: A command failed.
        CacheLost: One of *imports* failed; without it the build can be done again.
        SmidgenError: Anything else.
    """
    builder = Builder(plan, store, options, watcher, imports)
    annotations = dict(options.annotations)
    try:
        begin(builder)
        target, chain = builder.run()
        builder.layers.bring(chain)
        layers = builder.packed(chain)
        builder.save(chain)
        use(Executed(builder, chain))
        if any(to.place is None for to in options.cache_to):
            annotations |= _inline(builder)
    except BaseException:
        builder.stop.set()
        raise
    finally:
        builder.close()
    state = target.resolved.state
    image = _assemble(store, state, layers, replace(options, annotations=annotations), created=builder.created)
    return BuiltStage(image, state, None if builder.is_remote else builder.contexts.looked)


def _inline(builder: Builder) -> dict[str, str]:
    """Give the annotation with which an image is its own cache."""
    from smidgen.dockerfile.cache.collect import collect_steps  # few builds ask for it
    from smidgen.dockerfile.cache.document import INLINE, document_of, encode_document

    return {INLINE: encode_document(document_of(collect_steps(builder, all_stages=False))).decode()}


def _assemble(
    store: ContentStore, state: StageState, layers: list[Layer], options: ExecuteOptions, *, created: int
) -> Image:
    run = state.config
    if options.labels:
        run = msgspec.structs.replace(run, labels={**(run.labels or {}), **options.labels})
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(created))
    history = tuple(
        entry if entry.created is not None else msgspec.structs.replace(entry, created=stamp)
        for entry in _fitting(state.history, len(layers))
    )
    config = ImageConfig(
        created=stamp,
        author=state.author,
        architecture=state.platform.architecture,
        os=state.platform.os,
        os_version=state.platform.os_version,
        os_features=state.platform.os_features,
        variant=state.platform.variant,
        config=run,
        rootfs=RootFS(type="layers", diff_ids=tuple(layer.diff_id for layer in layers)),
        history=history,
    )
    manifest = Manifest(
        schema_version=2,
        media_type=OCI_MANIFEST,
        config=store.put(encode_config(config), media_type=OCI_CONFIG),
        layers=tuple(layer.descriptor for layer in layers),
        annotations=dict(options.annotations) or None,
    )
    return Image(store, store.put(encode(manifest), media_type=OCI_MANIFEST))


def _fitting(history: tuple[History, ...], layers: int) -> tuple[History, ...]:
    """Give a history with as many layers as there are; bases exist whose own leaves some out, or has too many."""
    said = sum(not entry.empty_layer for entry in history)
    if said < layers:
        return (*(History(created_by="layer of the base image") for _ in range(layers - said)), *history)
    found: list[History] = []
    for entry in history:
        if said > layers and not entry.empty_layer:
            said -= 1
            found.append(msgspec.structs.replace(entry, empty_layer=True))
        else:
            found.append(entry)
    return tuple(found)
