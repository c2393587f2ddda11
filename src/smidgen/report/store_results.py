"""From the store to what its commands report; nothing is rendered here."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from smidgen.errors import ContentError
from smidgen.image.history import history_steps
from smidgen.image.image import Image
from smidgen.layer.entry import Entry, Kind
from smidgen.oci.config import History
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.report.printable import encodable
from smidgen.report.schema_store import (
    HistoryReport,
    HistoryStep,
    ImagesReport,
    InspectedImage,
    ListedFile,
    ListingReport,
    StoredImage,
    StoredPlatform,
)
from smidgen.store.content import ContentStore
from smidgen.store.sizes import layer_size
from smidgen.store.tags import reference_of, untagged

if TYPE_CHECKING:
    from smidgen.image.filetree import Node

NONE = "<none>"


def list_images(store: ContentStore, pattern: str | None = None) -> ImagesReport:
    """List what the store has a name or an entry for.

    Args:
        store: The store.
        pattern: ``NAME`` or ``NAME:TAG``, perhaps with ``*``, ``?`` and ``[]``; all where None.
    """
    found = [(reference, descriptor) for reference, descriptor in entries(store) if matches(reference, pattern)]
    return ImagesReport(images=tuple(_stored_image(store, *item) for item in found))


def entries(store: ContentStore) -> Iterator[tuple[Reference | None, Descriptor]]:
    """Give all tags, sorted by name, then what other tools put into the layout without a name that is one."""
    yield from store.tags().items()
    for entry in store.roots():
        if reference_of(entry) is None:
            yield None, untagged(entry)


def matches(reference: Reference | None, pattern: str | None) -> bool:
    """Tell whether *pattern* means *reference*, in its short form or its whole."""
    if pattern is None:
        return True
    if reference is None:
        return False
    names = (reference.familiar_name, reference.name, reference.familiar, str(reference))
    return any(fnmatchcase(name, pattern) for name in names)


def _stored_image(store: ContentStore, reference: Reference | None, descriptor: Descriptor) -> StoredImage:
    image = Image(store, descriptor, reference)
    platforms: tuple[StoredPlatform, ...] = ()
    size: int | None = None
    pull_size = descriptor.size
    problem: str | None = None
    try:
        held = _held(image)
        platforms = tuple(_platform(one) for one in held)
        size, pull_size = _sizes(image, held)
    except ContentError as error:
        problem = error.message
    return StoredImage(
        reference=str(reference) if reference else None,
        repository=reference.familiar_name if reference else NONE,
        tag=reference.tag if reference else NONE,
        digest=descriptor.digest,
        media_type=descriptor.media_type,
        created=max((one.created for one in platforms if one.created), default=None),
        platforms=platforms,
        size=size,
        pull_size=pull_size,
        problem=problem,
    )


def _platform(image: Image) -> StoredPlatform:
    return StoredPlatform(
        platform=str(image.platform),
        digest=image.digest,
        created=image.config.created,
        size=_total(layer_size(image.store, layer) for layer in image.layers),
        pull_size=image.pull_size,
    )


def _held(image: Image) -> tuple[Image, ...]:
    """Give the single images; an index may lack some that nobody fetched, but not all."""
    images = image.images
    return tuple(one for one in images if image.store.has(one.descriptor)) or images


def _sizes(image: Image, held: Iterable[Image]) -> tuple[int | None, int]:
    """Give size and pull size of all platforms together; what they share counts once."""
    layers: dict[str, Descriptor] = {}
    blobs: dict[str, Descriptor] = {image.digest: image.descriptor}
    for one in held:
        manifest = one.manifest
        layers.update((layer.digest, layer) for layer in manifest.layers)
        blobs.update((blob.digest, blob) for blob in (one.descriptor, manifest.config, *manifest.layers))
    size = _total(layer_size(image.store, layer) for layer in layers.values())
    return size, sum(blob.size for blob in blobs.values())


def _total(sizes: Iterable[int | None]) -> int | None:
    total = 0
    for size in sizes:
        if size is None:
            return None
        total += size
    return total


def image_history(image: Image) -> HistoryReport:
    """Tell what made each layer of a single image, newest first."""
    layers, diff_ids = image.layers, image.diff_ids
    steps = [
        _step(step) if at is None else _step(step, image.store, layers[at], diff_ids[at])
        for step, at in history_steps(image)
    ]
    return HistoryReport(
        name=image.name, digest=image.digest, platform=str(image.platform), history=tuple(reversed(steps))
    )


def _step(
    step: History, store: ContentStore | None = None, layer: Descriptor | None = None, diff_id: str | None = None
) -> HistoryStep:
    return HistoryStep(
        created=step.created,
        created_by=step.created_by,
        comment=step.comment,
        digest=layer.digest if layer else None,
        diff_id=diff_id,
        media_type=layer.media_type if layer else None,
        size=layer_size(store, layer) if store and layer else 0,
        pull_size=layer.size if layer else 0,
    )


def inspect_image(store: ContentStore, name: str, platform: Platform | None) -> InspectedImage:
    """Gather the documents of the image *name*; of an index, those of the image for *platform*."""
    found = Image.resolve(store, name)
    image = found.for_platform(platform)
    manifest = image.manifest
    # Decoding checks that each document is JSON, so that it may stand in ours as it is.
    image.config.platform  # noqa: B018
    return InspectedImage(
        name=name,
        tags=tuple(ref.familiar for ref, tagged in store.tags().items() if tagged.digest == found.digest),
        digest=image.digest,
        media_type=image.descriptor.media_type,
        platform=str(image.platform),
        size=_total(layer_size(store, layer) for layer in manifest.layers),
        pull_size=image.pull_size,
        index_digest=found.digest if found.index else None,
        index=msgspec.Raw(store.get(found.descriptor)) if found.index else None,
        manifest=msgspec.Raw(store.get(image.descriptor)),
        config=msgspec.Raw(store.get(manifest.config)),
    )


def list_files(image: Image, path: str, *, recursive: bool, follow: bool) -> ListingReport:
    """List a directory of a single image, or the one file that *path* names.

    Args:
        image: A single image.
        path: Absolute.
        recursive: All below a directory, too.
        follow: List the directory that a link at the end of *path* points to, not the link.
    """
    from smidgen.image.filetree import FileTree, below  # brings the tar reader

    node = FileTree.of(image).find(path, follow=follow)
    found = below(node, deep=recursive) if node.entry.kind is Kind.DIRECTORY else iter((node,))
    files = tuple(_file(one) for one in found)
    return ListingReport(name=image.name, digest=image.digest, platform=str(image.platform), files=files)


def list_layer(image: Image, path: str, number: int) -> ListingReport:
    """List what layer *number* of a single image does, from 1 for the bottom one.

    Args:
        image: A single image.
        path: Absolute; only what is there and below it.
        number: Which layer.
    """
    from smidgen.image.layer_changes import layer_changes  # brings the tar reader

    within = path.strip("/")
    digest = image.layers[number - 1].digest if 1 <= number <= len(image.layers) else None
    files = tuple(
        _listed(change.entry, None if change.how in {"deleted", "hidden"} else digest, change.how)
        for change in layer_changes(image, number)
        if not within or f"{change.entry.path}/".startswith(f"{within}/")
    )
    return ListingReport(name=image.name, digest=image.digest, platform=str(image.platform), files=files)


def _file(node: "Node") -> ListedFile:
    return _listed(node.entry, node.layer)


def _listed(entry: Entry, layer: str | None, change: str | None = None) -> ListedFile:
    link = f"/{entry.link}" if entry.kind is Kind.HARDLINK else entry.link
    return ListedFile(
        path=encodable(f"/{entry.path}"),
        kind=entry.kind.value,
        mode=f"{entry.mode:04o}",
        uid=entry.uid,
        gid=entry.gid,
        size=entry.size,
        mtime=entry.mtime,
        link=encodable(link) or None,
        layer=layer,
        change=change,
    )
