"""From a recipe to an image: layers packed, configuration and manifest written.

The order of work is that of trust: blobs first, then the documents that name them, and a tag last
of all, by the caller. So whatever stops the work, nothing ever points at what is not there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from smidgen.image.image import Image
from smidgen.image.layer_cache import LayerCache
from smidgen.image.parents import with_parents
from smidgen.layer.compression import Compression
from smidgen.layer.entry import Entry
from smidgen.layer.packed import Layer
from smidgen.oci.config import History, ImageConfig, RootFS, RunConfig, encode_config
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import Index, Manifest, encode
from smidgen.oci.media_types import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from smidgen.oci.platform import Platform
from smidgen.store.content import ContentStore
from smidgen.store.sizes import layer_size, remember_size

if TYPE_CHECKING:
    from smidgen.image.base import BaseImage


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecipe:
    """What a layer is made of.

    Attributes:
        entries: Gives the entries; called only where no layer of the same key is stored.
        created_by: The line of the image's history.
        key: Names the content beyond doubt, or None where only packing can tell.
        directories: Directories that are not simply 0755 and root's, where the layer needs them as parents.
    """

    entries: Callable[[], Iterable[Entry]]
    created_by: str
    key: str | None = None
    directories: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A whole image for one platform.

    Attributes:
        layers: Bottom first. One that turns out to have no entries is left out.
        run: Whole: what the base says of it is already in it.
        created: Seconds since 1970, UTC.
        base: What the layers lie on, or None for the empty image.
    """

    platform: Platform
    layers: tuple[LayerRecipe, ...]
    run: RunConfig
    annotations: Mapping[str, str]
    created: int
    compression: Compression
    base: "BaseImage | None" = None


@dataclass(frozen=True, slots=True)
class AssembledLayer:
    """A layer of an image that was just made, and the line of its history.

    Attributes:
        is_of_base: It is the base's.
    """

    layer: Layer
    created_by: str
    is_of_base: bool = False


@dataclass(frozen=True, slots=True)
class Assembled:
    """An image that was just made, with what a manifest does not say: how large its layers are unpacked."""

    image: Image
    layers: tuple[AssembledLayer, ...]


def assemble(store: ContentStore, recipe: Recipe) -> Assembled:
    """Make the image of *recipe* in *store*; it has no tag yet, so hold ``store.writing()``."""
    packed = ((pack_layer(store, layer, recipe.compression), layer.created_by) for layer in recipe.layers)
    layers = tuple(AssembledLayer(layer, created_by) for layer, created_by in packed if layer is not None)
    created = timestamp(recipe.created)
    history = tuple(History(created=created, created_by=one.created_by) for one in layers)
    if recipe.base is not None:
        layers = (*_layers_of(recipe.base), *layers)
        history = (*recipe.base.history, *history)
    config = ImageConfig(
        created=created,
        architecture=recipe.platform.architecture,
        os=recipe.platform.os,
        variant=recipe.platform.variant,
        config=recipe.run,
        rootfs=RootFS(type="layers", diff_ids=tuple(one.layer.diff_id for one in layers)),
        history=history,
    )
    manifest = Manifest(
        schema_version=2,
        media_type=OCI_MANIFEST,
        config=store.put(encode_config(config), media_type=OCI_CONFIG),
        layers=tuple(one.layer.descriptor for one in layers),
        annotations=dict(recipe.annotations) or None,
    )
    return Assembled(Image(store, store.put(encode(manifest), media_type=OCI_MANIFEST)), layers)


def assemble_index(store: ContentStore, images: Sequence[Image], *, annotations: Mapping[str, str]) -> Image:
    """Make one index of single images, one a platform, in the order given."""
    index = Index(
        schema_version=2,
        media_type=OCI_INDEX,
        manifests=tuple(_with_platform(image) for image in images),
        annotations=dict(annotations) or None,
    )
    return Image(store, store.put(encode(index), media_type=OCI_INDEX))


def timestamp(seconds: int) -> str:
    """Render seconds since 1970 as RFC 3339 in UTC, whatever the host's zone and locale are."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pack_layer(store: ContentStore, recipe: LayerRecipe, compression: Compression) -> Layer | None:
    """Make one layer in *store*, or find it there by its key; None where it has no entries.

    May be called from several threads; hold ``store.writing()``.
    """
    cache = LayerCache(store, compression, recipe.directories)
    if recipe.key is not None and (layer := cache.get(recipe.key)) is not None:
        return layer
    entries = tuple(with_parents(recipe.entries(), {entry.path: entry for entry in recipe.directories}))
    if not entries:
        return None
    from smidgen.layer.pack import pack  # brings the codecs, which a cached layer does not need

    with store.writer() as writer:
        layer = pack(entries, writer.write, compression=compression)
        writer.commit(layer.descriptor.digest, layer.descriptor.size)
    # Known now for nothing; nobody need decompress it to show an image's size.
    remember_size(store, layer.descriptor, layer.size)
    if recipe.key is not None:
        cache.put(recipe.key, layer)
    return layer


def _layers_of(base: "BaseImage") -> Iterator[AssembledLayer]:
    store = base.image.store
    lines = (one.created_by or one.comment for one in base.history if not one.empty_layer)
    for descriptor, diff_id, line in zip(base.layers, base.diff_ids, lines, strict=True):
        size = layer_size(store, descriptor) or 0
        yield AssembledLayer(Layer(descriptor=descriptor, diff_id=diff_id, size=size), line, is_of_base=True)


def _with_platform(image: Image) -> Descriptor:
    return msgspec.structs.replace(image.descriptor, platform=image.config.platform)
