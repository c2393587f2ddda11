"""From the store to registries."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

from smidgen.errors import ContentError, NotFound
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.registry.delivery import Cargo, Delivered, deliver
from smidgen.registry.documents import Gatherer, Tree, check_platform, narrowed, select
from smidgen.registry.progress import SILENT, Progress
from smidgen.registry.repository import Repository
from smidgen.registry.session import Session
from smidgen.registry.upload import StoredBlob
from smidgen.registry.workers import Stop
from smidgen.store.closure import walk
from smidgen.store.content import ContentStore
from smidgen.store.referrers import stored_referrers

Pushed: TypeAlias = Delivered

#: Names of the store that are looked at for repositories that may have a blob already.
_MAX_TAGS: Final = 100
_MAX_MOUNTS: Final = 3


def push(
    session: Session,
    store: ContentStore,
    descriptor: Descriptor,
    references: tuple[Reference, ...],
    *,
    platforms: tuple[Platform, ...] | None = None,
    referrers: bool = False,
    progress: Progress = SILENT,
    memory: Path | None = None,
) -> Pushed:
    """Bring an image of *store* to each of *references*.

    Args:
        session: Knows the registries.
        store: Has the image.
        descriptor: Its manifest or index.
        references: Where it goes; ``:latest`` where one has neither tag nor digest.
        platforms: Of an index, these images only. One platform gives its manifest, several a new index, whose digest
            is another; None all that it has.
        referrers: Also push signatures and the like that are stored.
        progress: Is told.
        memory: Directory in which uploads that broke off are remembered, for the next run; one of *store* where None.

    Raises:
        NotFound: The image is not whole in *store*, or has no image for a platform.
        RegistryError: A registry refused, or did not answer.
        DigestMismatch: The bytes in *store* are damaged.
    """
    gatherer = Gatherer(lambda wanted: [_read(store, one) for one in wanted])
    tree = chosen_tree(gatherer, descriptor, platforms, store.get, name=references[0].familiar)
    referring: tuple[Tree, ...] = ()
    if referrers:
        subjects = [one.digest for one, _ in tree.documents]
        referring = tuple(gatherer.tree(_plain(one)) for one in stored_referrers(store, subjects))
    for blob in (blob for one in (tree, *referring) for blob in one.blobs):
        if not store.has(blob):
            raise NotFound(f"blob {blob.digest}", hint="the image is not whole in the store: build or pull it again")
    cargo = Cargo(
        tree=tree,
        referring=referring,
        source=lambda blob: StoredBlob(store, blob),
        mounts=_known_places(store),
        memory=memory or store.root / "cache" / "uploads",
    )
    stop = Stop()
    try:
        return deliver(session, cargo, references, progress=progress, stop=stop)
    finally:
        stop.set()


def chosen_tree(
    gatherer: Gatherer,
    root: Descriptor,
    platforms: Sequence[Platform] | None,
    get: Callable[[Descriptor], bytes],
    *,
    name: str,
) -> Tree:
    """Collect what of *root* is to travel: all, one image, or a new index of some of them.

    Args:
        gatherer: Reads the documents.
        root: A manifest or index.
        platforms: Which images, or None for all.
        get: Reads a configuration.
        name: What people call it.

    Raises:
        NotFound: There is no image for a platform.
    """
    check_platform(gatherer, root, platforms, get, name=name)
    selection = select(gatherer, root, platforms, name=name)
    root = selection.root
    if selection.chosen is not None:
        root, data = narrowed(gatherer.data(root), root, selection.chosen)
        gatherer.know(root, data)
    return gatherer.tree(root)


def _plain(entry: Descriptor) -> Descriptor:
    return Descriptor(media_type=entry.media_type, digest=entry.digest, size=entry.size)


def _read(store: ContentStore, descriptor: Descriptor) -> bytes:
    try:
        return store.get(descriptor)
    except NotFound as error:
        platform = f" for {descriptor.platform}" if descriptor.platform else ""
        raise NotFound(
            f"manifest {descriptor.digest}{platform}",
            hint="the store has a part of this index only: choose what it has with --platform, or pull the rest",
        ) from error


def _known_places(store: ContentStore) -> Callable[[str, Descriptor], Iterable[Repository]]:
    """Tell which repositories of a registry may have a blob: those whose name an image with it has in the store."""

    @cache
    def places(registry: str) -> dict[Digest, dict[Repository, None]]:
        found: dict[Digest, dict[Repository, None]] = {}
        named = [(tag, root) for tag, root in store.tags().items() if tag.registry == registry]
        for tag, root in named[:_MAX_TAGS]:
            try:
                held = list(walk(store, (root,)))
            except ContentError:
                continue
            for one in held:
                found.setdefault(one.digest, {})[Repository.of(tag)] = None
        return found

    return lambda registry, blob: tuple(places(registry).get(blob.digest, ()))[:_MAX_MOUNTS]
