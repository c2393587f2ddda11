"""Images in a registry of the tests, and the examination of what a registry holds."""

import json
import random
from pathlib import Path

from smidgen.layer.entry import Entry
from smidgen.oci.descriptor import Descriptor
from smidgen.store.closure import walk
from smidgen.store.content import ContentStore
from support.registry import Registry, digest_of
from support.small_images import AMD64, ARM64, put_image, put_index


def random_entries(seed: int, size: int, *, count: int = 1) -> list[Entry]:
    """Make files that no compression makes smaller, the same for the same seed."""
    chance = random.Random(seed)
    return [Entry.file(f"file-{seed}-{at}", chance.randbytes(size)) for at in range(count)]


def image(store: ContentStore, *, seed: int = 1, layers: int = 3, size: int = 20_000) -> Descriptor:
    """Put an image for amd64 into *store*."""
    return put_image(store, *(random_entries(seed * 100 + at, size) for at in range(layers)))


def index(store: ContentStore, *, seed: int = 1, layers: int = 2, size: int = 20_000) -> Descriptor:
    """Put an index for amd64 and arm64 into *store*; they share their lowest layer."""
    shared = random_entries(seed * 1000, size)
    own = {
        platform: [random_entries(seed * 1000 + 10 * at + n, size) for n in range(1, layers)]
        for at, platform in enumerate((AMD64, ARM64), start=1)
    }
    images = [(platform, put_image(store, shared, *rest, platform=platform)) for platform, rest in own.items()]
    return put_index(store, images)


def publish(registry: Registry, store: ContentStore, root: Descriptor, name: str, *tags: str) -> None:
    """Put what *root* reaches from *store* into *registry*, without any protocol."""
    for descriptor in walk(store, [root]):
        data = store.blob_path(descriptor.digest).read_bytes()
        if "manifest" in descriptor.media_type or "index" in descriptor.media_type:
            named = tags if descriptor.digest == root.digest else ()
            registry.add_manifest(name, data, *named, media_type=descriptor.media_type)
        else:
            registry.add_blob(name, data)


def published(directory: Path, registry: Registry, name: str = "team/app", *tags: str, seed: int = 1) -> Descriptor:
    """Make an index and put it into *registry*."""
    store = ContentStore.open(directory)
    root = index(store, seed=seed)
    publish(registry, store, root, name, *(tags or ("1",)))
    return root


def check_registry(registry: Registry) -> None:
    """Check that every byte is what its digest says, and that every tag leads to something whole."""
    for digest, data in registry.blobs.items():
        assert digest_of(data) == digest
    for (name, digest), (_media_type, data) in registry.manifests.items():
        assert digest_of(data) == digest
        document = json.loads(data)
        for part in (document.get("config"), *(document.get("layers") or ())):
            assert part is None or part.get("urls") or (name, part["digest"]) in registry.links, (name, part)
        for part in document.get("manifests") or ():
            assert (name, part["digest"]) in registry.manifests, (name, part)
    for name, tags in registry.tags.items():
        for tag, digest in tags.items():
            assert (name, digest) in registry.manifests, (name, tag)


def check_store(store: ContentStore, root: Descriptor) -> int:
    """Check that *store* has all of *root*, each byte as its digest says; gives how many blobs these are."""
    count = 0
    for descriptor in walk(store, [root]):
        data = store.blob_path(descriptor.digest).read_bytes()
        assert len(data) == descriptor.size
        assert digest_of(data) == descriptor.digest
        count += 1
    return count
