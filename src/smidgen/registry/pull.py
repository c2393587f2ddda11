"""From a registry into the store."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from smidgen.errors import ContentError, LimitExceeded, SizeMismatch
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.registry.client import Client
from smidgen.registry.documents import Gatherer, Tree, check_platform, distinct, select
from smidgen.registry.download import fetch_blob
from smidgen.registry.progress import SILENT, Progress
from smidgen.registry.repository import Repository
from smidgen.registry.session import Session
from smidgen.registry.workers import THREADS, in_parallel
from smidgen.store.closure import is_whole
from smidgen.store.content import ContentStore
from smidgen.store.referrers import MAX_DEPTH

_MAX_REFERRERS: Final = 1000


def pull(
    session: Session,
    reference: Reference,
    store: ContentStore,
    *,
    platforms: tuple[Platform, ...] | None = None,
    referrers: bool = False,
    progress: Progress = SILENT,
) -> Descriptor:
    """Fetch an image into *store*; the caller holds ``store.writing()`` until it has given it a tag.

    Args:
        session: Knows the registries.
        reference: What to fetch; ``:latest`` where it has neither tag nor digest.
        store: Where it goes.
        platforms: Of an index, these images only. One platform gives its manifest, several the index as it is with
            only their content, None all that it has.
        referrers: Also fetch signatures and the like.
        progress: Is told.

    Returns:
        The manifest or index.

    Raises:
        NotInRegistry: There is no such image.
        NotFound: It has no image for a platform.
        RegistryError: The registry did not answer, or refused.
        ContentError: What it gives is not what it should be, or the store cannot be written.
    """
    client = Client(session, Repository.of(reference))
    reference = reference.with_default_tag()
    stop = client.stop
    try:
        gatherer = Gatherer(partial(_read, client, store, progress), str(client.repository))
        root = _root(client, reference, store, gatherer)
        check_platform(gatherer, root, platforms, client.get_blob, name=reference.familiar)
        selection = select(gatherer, root, platforms, name=reference.familiar)
        trees = [gatherer.tree(selection.root, sparse=selection.chosen)]
        if referrers:
            trees += referring(client, gatherer, trees[0])
        blobs = {blob.digest: blob for tree in trees for blob in tree.blobs}
        largest_first = sorted(blobs.values(), key=lambda blob: -blob.size)
        in_parallel(lambda blob: fetch_blob(client, blob, store, progress=progress), largest_first, stop=stop)
        for descriptor, data in distinct(trees):
            store.put(data, media_type=descriptor.media_type)
    finally:
        stop.set()
    return selection.root


def read_manifests(client: Client, descriptors: Sequence[Descriptor], *, progress: Progress = SILENT) -> list[bytes]:
    """Fetch manifests by their descriptors, several at once, and check them."""

    def read(descriptor: Descriptor) -> bytes:
        progress.started(descriptor.digest, "manifest", descriptor.size)
        got, data = client.get_manifest(descriptor.digest, media_type=descriptor.media_type)
        if len(data) != descriptor.size:
            what = f"manifest {descriptor.digest} of {client.repository}"
            raise SizeMismatch(want=descriptor.size, got=len(data), what=what)
        progress.finished(got.digest, "fetched")
        return data

    return in_parallel(read, descriptors, stop=client.stop, threads=2 * THREADS)


def referring(client: Client, gatherer: Gatherer, tree: Tree) -> list[Tree]:
    """Collect what refers to the documents of *tree*, what refers to that, and so on."""
    found: dict[Digest, Tree] = {}
    subjects = [descriptor.digest for descriptor, _ in tree.documents]
    for _ in range(MAX_DEPTH):
        lists = in_parallel(client.referrers, subjects, stop=client.stop)
        new = {entry.digest: entry for entries in lists for entry in entries if entry.digest not in found}
        if len(found) + len(new) > _MAX_REFERRERS:
            raise LimitExceeded("number of referrers", limit=_MAX_REFERRERS, got=len(found) + len(new))
        gatherer.load(new.values())
        found |= {digest: gatherer.tree(_plain(entry)) for digest, entry in new.items()}
        subjects = list(new)
        if not subjects:
            break
    return list(found.values())


def _plain(entry: Descriptor) -> Descriptor:
    return Descriptor(media_type=entry.media_type, digest=entry.digest, size=entry.size)


def _read(client: Client, store: ContentStore, progress: Progress, descriptors: Sequence[Descriptor]) -> list[bytes]:
    """Read manifests from the store, and fetch those that are not there."""
    known = {one.digest: data for one in descriptors if (data := _stored(store, one)) is not None}
    missing = [one for one in descriptors if one.digest not in known]
    fetched = read_manifests(client, missing, progress=progress) if missing else []
    known |= {one.digest: data for one, data in zip(missing, fetched, strict=True)}
    return [known[one.digest] for one in descriptors]


def _stored(store: ContentStore, descriptor: Descriptor) -> bytes | None:
    try:
        return store.get(descriptor) if store.has(descriptor) else None
    except ContentError:
        # Damaged: it is fetched again, and replaced.
        return None


def _root(client: Client, reference: Reference, store: ContentStore, gatherer: Gatherer) -> Descriptor:
    """Find the manifest or index, with as few requests as what is stored allows."""
    if reference.digest is not None:
        known = [one for one in store.tags().values() if one.digest == reference.digest]
        return known[0] if known and is_whole(store, known[0]) else client.resolve(reference.digest)
    if reference in store.tags():
        # It was fetched before: mostly it is still the same.
        return client.resolve(reference.tag)
    root, data = client.get_manifest(reference.tag)
    gatherer.know(root, data)
    return root
