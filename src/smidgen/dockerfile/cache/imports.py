"""Caches that a build takes outcomes from.

A cache only ever saves work: what is missing, damaged or out of reach costs a warning, and the build goes on as if
that cache had not been named. Nothing of it is believed but that a key came to a layer; which bytes a layer has, and
which name its outcome gets, follows from digests that are checked before use.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from smidgen.dockerfile.cache.document import CachedLayer, CachedStep
from smidgen.dockerfile.cache.flags import CachePlace
from smidgen.dockerfile.cache.places import Reads, Registries, documents
from smidgen.errors import DigestMismatch, NotFound, SmidgenError
from smidgen.layer.packed import Layer
from smidgen.oci.media_types import LAYER_COMPRESSION
from smidgen.store.content import ContentStore

_PIECE: Final = 1 << 20
# Outcomes of one step, each on another parent, that are looked at.
_MAX_CANDIDATES: Final = 16


class CacheLost(Exception):
    """A layer that a cache promised cannot be had; the cache does not count any more."""


class _Import:
    """One cache; ``is_lost`` once it has failed."""

    def __init__(self, place: CachePlace) -> None:
        self.place = place
        self.is_lost = False
        self.reader: Reads | None = None
        self.steps: dict[str, list[CachedStep]] = {}
        self.mounts: dict[str, CachedLayer] = {}
        self.layers: set[CachedLayer] = set()

    def load(self, registries: Registries) -> None:
        """Read what it says."""
        self.reader = registries.reader(self.place)
        for document in documents(self.reader):
            for step in document.steps:
                for key in filter(None, (step.key, step.content)):
                    self.steps.setdefault(key, []).append(step)
            for mount in document.mounts:
                self.mounts.setdefault(mount.id, mount.layer)
            self.layers.update(document.layers)


class Imports:
    """The caches of one build, the first one first; used by several threads."""

    def __init__(
        self, places: Iterable[CachePlace], store: ContentStore, registries: Registries, warn: Callable[[str], None]
    ) -> None:
        self._imports = [_Import(place) for place in places]
        self._store = store
        self._registries = registries
        self._warn = warn
        self._is_loaded = False
        self._lock = threading.RLock()
        self._gates: dict[CachedLayer, threading.Lock] = {}
        self._brought: dict[CachedLayer, Layer] = {}

    def steps(self, key: str) -> Iterator[CachedStep]:
        """Give what a step with *key* came to."""
        for one in self._usable():
            yield from one.steps.get(key, ())[:_MAX_CANDIDATES]

    def mount(self, mount_id: str) -> CachedLayer | None:
        """Give the layer of a cache mount."""
        return next((one.mounts[mount_id] for one in self._usable() if mount_id in one.mounts), None)

    def bring(self, wanted: CachedLayer) -> Layer:
        """Bring a layer into the store, and check that it is what it should be.

        Raises:
            CacheLost: It cannot be had, or is something else; the caches that have it do not count any more.
        """
        with self._lock:
            gate = self._gates.setdefault(wanted, threading.Lock())
        with gate:
            known = self._brought.get(wanted)
            if known is not None and self._store.has(known.descriptor):
                return known
            self._fetch(wanted)
            try:
                size = _checked(self._store, wanted)
            except SmidgenError as error:
                self.refuse(wanted, error)
                raise CacheLost from error
            layer = Layer(descriptor=wanted.descriptor, diff_id=wanted.diff_id, size=size)
            self._brought[wanted] = layer
            return layer

    def bring_all(self, wanted: Iterable[CachedLayer]) -> None:
        """Bring several layers at once; see ``bring``."""
        from smidgen.registry.workers import Stop, in_parallel

        in_parallel(self.bring, wanted, stop=Stop())

    def refuse(self, layer: CachedLayer, error: SmidgenError) -> None:
        """Let the caches that have *layer* not count any more."""
        with self._lock:
            for one in self._imports:
                if layer in one.layers:
                    self._lose(one, error)

    def _fetch(self, wanted: CachedLayer) -> None:
        if self._store.has(wanted.descriptor):
            return
        last: SmidgenError | None = None
        for one in self._usable():
            if wanted in one.layers and one.reader is not None:
                try:
                    one.reader.fetch(wanted.descriptor, self._store)
                except SmidgenError as error:
                    self._lose(one, error)
                    last = error
                else:
                    return
        raise CacheLost from last

    def _usable(self) -> list[_Import]:
        with self._lock:
            if not self._is_loaded:
                self._is_loaded = True
                for one in self._imports:
                    try:
                        one.load(self._registries)
                    except SmidgenError as error:
                        self._lose(one, error)
            return [one for one in self._imports if not one.is_lost]

    def _lose(self, one: _Import, error: SmidgenError) -> None:
        if not one.is_lost:
            one.is_lost = True
            self._warn(f"the cache {one.place} is not used: {error.message}")


def _checked(store: ContentStore, layer: CachedLayer) -> int:
    """Check that a stored layer unpacks to what its diff_id says; give the bytes of its tar."""
    from smidgen.layer.decompress import decompressed  # brings the codecs

    total, size = hashlib.sha256(), 0
    descriptor = layer.descriptor
    if not store.has(descriptor):
        raise NotFound(f"layer {layer.digest}", hint="export the cache again")
    with decompressed(store.open_blob(descriptor), LAYER_COMPRESSION[layer.media_type]) as stream:
        while data := stream.read(_PIECE):
            total.update(data)
            size += len(data)
    if (got := f"sha256:{total.hexdigest()}") != layer.diff_id:
        raise DigestMismatch(want=layer.diff_id, got=got, what=f"uncompressed layer {layer.digest}")
    return size
