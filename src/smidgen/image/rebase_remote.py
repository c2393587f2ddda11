"""Rebasing in a registry: documents come and go, layers stay where they are.

Layers of the image are in the repository already, those of the new base are mounted from its repository where that is
of the same registry, and else stream from the one to the other. None is written to disk.
"""

from collections.abc import Iterable, Sequence

from smidgen.image.base import Base
from smidgen.image.base_name import BaseName
from smidgen.image.base_source import BaseSource
from smidgen.image.image import Image
from smidgen.image.rebase import Rebased
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.reference import Reference
from smidgen.registry.copy import RemoteBlob
from smidgen.registry.delivery import Cargo, Delivered, deliver
from smidgen.registry.documents import Gatherer
from smidgen.registry.progress import SILENT, Progress
from smidgen.registry.repository import Repository
from smidgen.registry.upload import BlobSource, StoredBlob
from smidgen.registry.workers import Stop


def fetch_app(source: BaseSource, reference: Reference) -> Image:
    """Fetch the documents of all images of *reference* into the store, without their layers.

    Raises:
        RegistryError: The registry did not answer, or refused.
        ContentError: What it gave is not what it should be.
    """
    name = BaseName.parse(f"docker://{reference}")
    base: Base = source.find(name)
    image = Image(source.store, base.image.descriptor, reference)
    for single in image.images:
        source.fetch_image_documents(single, reference)
    return image


def deliver_rebased(
    rebased: Rebased,
    source: BaseSource,
    *,
    app: Reference,
    onto: Reference | None,
    references: Sequence[Reference],
    progress: Progress = SILENT,
) -> Delivered:
    """Bring the new image to *references*: what is missing of it there, and its documents last.

    Args:
        rebased: The new image; its documents are in the store.
        source: Knows the registries.
        app: Where the old image is.
        onto: Where the new base is; None for one of the store.
        references: Where the new image goes.
        progress: Is told.

    Raises:
        RegistryError: A registry refused, or did not answer.
    """
    store = source.store
    of_base = {layer.digest for base in rebased.new for layer in base.layers}
    documents = {one.digest for one in _configs(rebased.image)}

    def bytes_of(blob: Descriptor) -> BlobSource:
        if blob.digest in documents or store.has(blob) or (onto is None and blob.digest in of_base):
            return StoredBlob(store, blob)
        where = onto if blob.digest in of_base and onto is not None else app
        return RemoteBlob(source.client(where), blob)

    def mounts(registry: str, blob: Descriptor) -> Iterable[Repository]:
        places = (onto, app) if blob.digest in of_base else (app,)
        found = [Repository.of(place) for place in places if place is not None]
        # Nobody has a configuration that was made just now.
        return [one for one in found if one.registry == registry and blob.digest not in documents]

    gatherer = Gatherer(lambda wanted: [store.get(one) for one in wanted])
    cargo = Cargo(
        tree=gatherer.tree(rebased.image.descriptor),
        source=bytes_of,
        mounts=mounts,
        memory=store.root / "cache" / "uploads",
    )
    stop = Stop()
    try:
        return deliver(source.session, cargo, references, progress=progress, stop=stop)
    finally:
        stop.set()


def _configs(image: Image) -> Iterable[Descriptor]:
    return (single.manifest.config for single in image.images)
