"""Which layer a key gave the last time, so that the same files are packed once.

The cache only ever saves work: an entry that cannot be read, or whose blob was collected, is a miss.
"""

from pathlib import Path
from typing import Final

import msgspec

from smidgen.layer.compression import Compression
from smidgen.layer.entry import Entry
from smidgen.layer.packed import Layer
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import DiffIDField, encoded, sha256
from smidgen.store.content import ContentStore
from smidgen.store.replace import keep_file

# Part of every key: raised when the tar writer's bytes change for the same entries.
_FORMAT: Final = 1


class _Cached(msgspec.Struct, frozen=True, kw_only=True):
    descriptor: Descriptor
    diff_id: DiffIDField
    size: int


class LayerCache:
    """Layers by key, under the store's root, for one compression and one set of special directories."""

    def __init__(self, store: ContentStore, compression: Compression, directories: tuple[Entry, ...]) -> None:
        self._store = store
        self._context = f"{_FORMAT}\0{compression}\0{directories!r}\0"

    def get(self, key: str) -> Layer | None:
        """Give the layer that *key* gave before, if its blob is still stored."""
        try:
            cached = msgspec.json.decode(self._path(key).read_bytes(), type=_Cached)
        except (OSError, msgspec.DecodeError):
            return None
        if not self._store.has(cached.descriptor):
            return None
        return Layer(descriptor=cached.descriptor, diff_id=cached.diff_id, size=cached.size)

    def put(self, key: str, layer: Layer) -> None:
        """Remember *layer*; a cache that cannot be written is no error."""
        cached = _Cached(descriptor=layer.descriptor, diff_id=layer.diff_id, size=layer.size)
        keep_file(self._path(key), msgspec.json.encode(cached))

    def _path(self, key: str) -> Path:
        return self._store.root / "cache" / "layers" / encoded(sha256((self._context + key).encode()))
