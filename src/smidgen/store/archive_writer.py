"""Write images to one tar that everybody loads.

It is two formats at once: an OCI layout (for containerd, skopeo's ``oci-archive:``, Docker with
containerd's image store) and, by ``manifest.json``, Docker's own (``docker load`` of every age,
``podman load``, skopeo's ``docker-archive:``, crane). Both point at the same blobs, which stay compressed.
Docker reads layers compressed with zstd from version 23 on.

The bytes depend on the images and the platform for Docker only: no times, no owners, fixed order.

Source: OCI image-spec v1.1.1, ``image-layout.md``; Moby's ``image/spec/v1.2.md``, "Combined Image JSON +
Filesystem Changeset Format".
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from smidgen.layer.entry import Entry, Kind
from smidgen.layer.tar_writer import BLOCK, header
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import encoded
from smidgen.oci.manifest import Index, decode_index, decode_manifest, encode
from smidgen.oci.media_types import CONFIGS, INDEXES, MANIFESTS, OCI_INDEX
from smidgen.oci.platform import Platform, best_fit, host_platform
from smidgen.store.blobs import CHUNK
from smidgen.store.closure import held
from smidgen.store.content import LAYOUT, ContentStore
from smidgen.store.faults import ELSEWHERE, reporting
from smidgen.store.naming import Item, entries_of


class _DockerImage(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """An item of ``manifest.json``."""

    config: str
    repo_tags: list[str] | None
    layers: list[str]


def write_archive(
    store: ContentStore,
    items: Iterable[Item],
    file: BinaryIO,
    *,
    platform: Platform | None = None,
    ref_name: str = "",
) -> None:
    """Write *items* to *file*, in bounded memory.

    Args:
        store: Has their content.
        items: Name and manifest or index of each image; several names of one image are fine.
        file: Anything with ``write``.
        platform: Which image of an index Docker's half names, as that half can name one only; this
            machine's by default, else the first. The OCI half has all.
        ref_name: The very ``ref.name`` that the only one of *items* is to have in the OCI half.

    Raises:
        NotFound: Content of an image is not in the store; nothing was written.
        OSError: *file* cannot be written.
    """
    items = tuple(items)
    blobs = held(store, (descriptor for _, descriptor in items))
    index = Index(schema_version=2, media_type=OCI_INDEX, manifests=entries_of(items, ref_name=ref_name))
    docker = _docker_manifest(store, items, platform or host_platform())
    # Documents first, so that a reader that streams knows what is to come.
    _write_member(file, "oci-layout", LAYOUT)
    _write_member(file, "index.json", encode(index))
    _write_member(file, "manifest.json", docker)
    for descriptor in blobs:
        file.write(header(Entry(path=_path(descriptor), kind=Kind.FILE, mode=0o644, size=descriptor.size)))
        with store.open_blob(descriptor) as stream:
            while data := stream.read(CHUNK):
                file.write(data)
        file.write(bytes(-descriptor.size % BLOCK))
    file.write(bytes(2 * BLOCK))


def write_archive_file(
    store: ContentStore,
    items: Iterable[Item],
    path: Path,
    *,
    platform: Platform | None = None,
    ref_name: str = "",
) -> None:
    """Write *items* to the file *path*, which appears whole or not at all; see ``write_archive``.

    What is there and no regular file (``/dev/stdout``, a pipe) is written to directly.

    Raises:
        NotFound: Content of an image is not in the store.
        StoreError: *path* cannot be written.
    """
    with reporting("write", path, instead=ELSEWHERE):
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                write_archive(store, items, file, platform=platform, ref_name=ref_name)
            return
        # A link stays a link: what it points to is replaced.
        target = path.resolve()
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with temporary.open("wb") as file:
                write_archive(store, items, file, platform=platform, ref_name=ref_name)
            temporary.replace(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def _write_member(file: BinaryIO, path: str, data: bytes) -> None:
    file.write(header(Entry.file(path, data)) + data + bytes(-len(data) % BLOCK))


def _path(descriptor: Descriptor) -> str:
    return f"blobs/sha256/{encoded(descriptor.digest)}"


def _docker_manifest(store: ContentStore, items: Sequence[Item], platform: Platform) -> bytes:
    """Render ``manifest.json``: one item an image, with all its tags."""
    found: dict[str, tuple[Descriptor, list[str]]] = {}
    for reference, descriptor in items:
        image = _choose(store, descriptor, platform)
        if image is None:
            continue
        _, tags = found.setdefault(image.digest, (image, []))
        if reference is not None:
            # Whole names: podman takes a short one for its own "localhost/" in an archive of several.
            tags.append(str(msgspec.structs.replace(reference, digest=None).with_default_tag()))
    images = []
    for descriptor, tags in found.values():
        manifest = decode_manifest(store.get(descriptor), media_type=descriptor.media_type)
        if manifest.config.media_type in CONFIGS:
            layers = [_path(layer) for layer in manifest.layers]
            unique = list(dict.fromkeys(tags))
            images.append(_DockerImage(config=_path(manifest.config), repo_tags=unique or None, layers=layers))
    return msgspec.json.encode(images)


def _choose(store: ContentStore, descriptor: Descriptor, platform: Platform) -> Descriptor | None:
    """Pick the manifest of an index for *platform*, else its first one; None where it has no image."""
    if descriptor.media_type in MANIFESTS:
        return descriptor
    images = list(_images(store, descriptor))
    fitting = best_fit(((image.platform, image) for image in images if image.platform), platform)
    return fitting or (images[0] if images else None)


def _images(store: ContentStore, descriptor: Descriptor) -> Iterator[Descriptor]:
    if descriptor.media_type not in INDEXES:
        return
    for child in decode_index(store.get(descriptor), media_type=descriptor.media_type).manifests:
        # "unknown" is how attestations beside images are marked.
        if (
            child.media_type in MANIFESTS
            and store.has(child)
            and not (child.platform and child.platform.os == "unknown")
        ):
            yield child
