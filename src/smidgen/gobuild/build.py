"""Builds whatever is asked for: Go packages, programs in other languages, an executable that is ready."""

from dataclasses import replace

from smidgen.gobuild.built import Built
from smidgen.gobuild.pipeline import BuildRequest, Outcome, Progress, build_packages, tag
from smidgen.gobuild.sources.target import Source, source_of
from smidgen.store.content import ContentStore


def build(request: BuildRequest, store: ContentStore, *, progress: Progress) -> Outcome:
    """Build every target into a tagged image of *store*, in the order in which they were named.

    Raises:
        UsageError: The request cannot be meant.
        BuildError: A compiler is missing, refused a program, or made something that cannot run alone.
        StoreError: The store cannot be written.
    """
    if request.binary is not None:
        from smidgen.gobuild.ready import build_ready

        with store.writing():
            image = build_ready(request, request.binary, store, progress=progress)
            tag(store, [image])
        return Outcome((image,))
    go, sources = split_targets(request)
    if not sources:
        return build_packages(request, store, progress=progress)
    images: list[Built] = []
    if go:
        images += build_packages(replace(request, targets=go), store, progress=progress).images
    from smidgen.gobuild.sources.images import build_sources  # most programs are Go

    with store.writing():
        images += build_sources(request, sources, store, progress=progress)
        tag(store, images)
    order = {target: number for number, target in enumerate(request.targets)}
    images.sort(key=lambda one: order.get(one.target, 0))
    return Outcome(tuple(images))


def split_targets(request: BuildRequest) -> tuple[tuple[str, ...], tuple[Source, ...]]:
    """Give the targets that are for Go, or nothing at all, and those that are not.

    Raises:
        UsageError: What is said about a target cannot be meant.
    """
    targets = request.targets or (".",)
    sources = {target: source_of(request, target) for target in targets}
    found = tuple(source for source in sources.values() if source is not None)
    return tuple(target for target in targets if sources[target] is None), found
