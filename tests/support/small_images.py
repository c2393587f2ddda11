"""Small images put into a store by hand: layers, configuration, manifest."""

from collections.abc import Iterable, Sequence

import msgspec

from smidgen.layer.compression import Compression
from smidgen.layer.entry import Entry
from smidgen.layer.pack import pack
from smidgen.layer.packed import Layer
from smidgen.oci.config import History, ImageConfig, RootFS, RunConfig, encode_config
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import Index, Manifest, encode
from smidgen.oci.media_types import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from smidgen.oci.platform import Platform
from smidgen.store.content import ContentStore

CREATED = "2024-05-06T07:08:09Z"
AMD64 = Platform.parse("linux/amd64")
ARM64 = Platform.parse("linux/arm64")


def put_layer(store: ContentStore, entries: Iterable[Entry], *, compression: str = "gzip") -> Layer:
    """Pack *entries* into *store*."""
    with store.writer() as writer:
        layer = pack(entries, writer.write, compression=Compression.parse(compression))
        writer.commit(layer.descriptor.digest, layer.descriptor.size)
    return layer


def put_image(
    store: ContentStore,
    *layers: Sequence[Entry],
    platform: Platform = AMD64,
    run: RunConfig | None = None,
    compression: str = "gzip",
    annotations: dict[str, str] | None = None,
    subject: Descriptor | None = None,
) -> Descriptor:
    """Make an image with *layers*, bottom first, and give the descriptor of its manifest."""
    packed = [put_layer(store, entries, compression=compression) for entries in layers]
    config = ImageConfig(
        created=CREATED,
        architecture=platform.architecture,
        os=platform.os,
        variant=platform.variant,
        config=run or RunConfig(entrypoint=("/hello",)),
        rootfs=RootFS(type="layers", diff_ids=tuple(layer.diff_id for layer in packed)),
        history=tuple(History(created=CREATED, created_by=f"layer {at}") for at in range(len(packed))),
    )
    manifest = Manifest(
        schema_version=2,
        media_type=OCI_MANIFEST,
        config=store.put(encode_config(config), media_type=OCI_CONFIG),
        layers=tuple(layer.descriptor for layer in packed),
        annotations=annotations,
        subject=subject,
    )
    return store.put(encode(manifest), media_type=OCI_MANIFEST)


def put_index(store: ContentStore, images: Sequence[tuple[Platform, Descriptor]]) -> Descriptor:
    """Make an index of images."""
    manifests = tuple(msgspec.structs.replace(image, platform=platform) for platform, image in images)
    return store.put(encode(Index(schema_version=2, media_type=OCI_INDEX, manifests=manifests)), media_type=OCI_INDEX)
