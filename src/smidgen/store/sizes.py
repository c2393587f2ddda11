"""How large a layer is when it is unpacked: no document of an image says it, so it is found once and remembered.

The trailer of a gzip file has the length of its last member only, and a layer may have many; so the
layer is decompressed. What packed the layer knows better, and tells by ``remember_size``.
"""

from contextlib import suppress
from pathlib import Path

import msgspec

from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import encoded
from smidgen.oci.media_types import LAYER_COMPRESSION
from smidgen.store.blobs import CHUNK
from smidgen.store.content import ContentStore
from smidgen.store.replace import keep_file


class _Cached(msgspec.Struct, frozen=True):
    descriptor: Descriptor
    size: int


def layer_size(store: ContentStore, layer: Descriptor) -> int | None:
    """Give the bytes of the uncompressed tar of *layer*; None where its media type is not a layer's.

    Raises:
        ContentError: It has to be decompressed for that, and is absent or damaged.
    """
    algorithm = LAYER_COMPRESSION.get(layer.media_type)
    if algorithm is None:
        return None
    if algorithm == "none":
        return layer.size
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
        cached = msgspec.json.decode(_path(store, layer).read_bytes(), type=_Cached)
        if cached.descriptor.size == layer.size:
            return cached.size
    size = _decompressed_size(store, layer, algorithm)
    remember_size(store, layer, size)
    return size


def remember_size(store: ContentStore, layer: Descriptor, size: int) -> None:
    """Remember that *layer* has *size* bytes uncompressed; a store that cannot be written is no error."""
    plain = Descriptor(media_type=layer.media_type, digest=layer.digest, size=layer.size)
    keep_file(_path(store, layer), msgspec.json.encode(_Cached(plain, size)))


def _path(store: ContentStore, layer: Descriptor) -> Path:
    return store.root / "cache" / "sizes" / encoded(layer.digest)


def _decompressed_size(store: ContentStore, layer: Descriptor, algorithm: str) -> int:
    from smidgen.layer.decompress import decompressed  # brings the codecs

    size = 0
    with decompressed(store.open_blob(layer), algorithm) as stream:
        while data := stream.read(CHUNK):
            size += len(data)
    return size
