"""Outcomes of steps as layers: unpacked where something has to look into them, packed where an image has them.

An outcome can be there in three forms: as a snapshot, as a blob of the store, or as a list of entries that was worked
out in this build. Each form is made from another one when it is needed, and not before.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smidgen.errors import InvalidContent, NotFound, SmidgenError
from smidgen.layer.compression import Compression
from smidgen.layer.entry import Entry
from smidgen.layer.merged import OPAQUE, USER_OPAQUE, Merged
from smidgen.layer.packed import Layer
from smidgen.layer.snapshot import Times, changes
from smidgen.oci.digest import DiffID
from smidgen.oci.media_types import LAYER_COMPRESSION
from smidgen.store.content import ContentStore
from smidgen.store.faults import reporting
from smidgen.store.sizes import remember_size
from smidgen.store.snapshots import Snapshots

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from smidgen.dockerfile.cache.document import CachedLayer
    from smidgen.dockerfile.cache.imports import Imports

_PACKERS: Final = 2


@dataclass(frozen=True, slots=True)
class Result:
    """What a step, or the base image, laid over what was there before.

    Attributes:
        name: Nothing else has the same name; the name of its snapshot.
        stubs: Paths that only served to mount something.
    """

    name: str
    stubs: frozenset[str] = frozenset()


Chain = tuple[Result, ...]


def name_of(chain: Chain) -> str:
    """Name what all of *chain* is together."""
    return chain[-1].name if chain else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What decides the bytes of a layer beside the files in it."""

    compression: Compression
    times: Times

    @property
    def name(self) -> str:
        """Name it."""
        return f"{self.compression} {'kept' if self.times.keep else self.times.fixed}"


class Layers:
    """The outcomes that a build has to do with; used by several threads."""

    def __init__(
        self,
        store: ContentStore,
        snapshots: Snapshots,
        format_: Format,
        *,
        user_xattr: bool,
        keeps_owners: bool = True,
        imports: "Imports | None" = None,
    ) -> None:
        self._store = store
        self._snapshots = snapshots
        self._format = format_
        self._opaque = USER_OPAQUE if user_xattr else OPAQUE
        self._keeps_owners = keeps_owners
        self._imports = imports
        self._elsewhere: dict[str, tuple[CachedLayer, str]] = {}
        self._packed: dict[str, Layer] = {}
        self._entries: dict[str, tuple[Entry, ...]] = {}
        self._packing: dict[str, Future[Layer]] = {}
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """Let packing that has begun end, and drop the rest."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    @property
    def snapshots(self) -> Snapshots:
        """Where unpacked layers are."""
        return self._snapshots

    @property
    def format(self) -> Format:
        """How layers are packed."""
        return self._format

    def know_layer(self, result: Result, layer: Layer) -> None:
        """Note that *result* is packed already."""
        self._packed[result.name] = layer

    def know_elsewhere(self, result: Result, layer: "CachedLayer", format_name: str) -> None:
        """Note that a cache has *result*; it is brought when something asks for it."""
        self._elsewhere[result.name] = (layer, format_name)

    def know_entries(self, result: Result, entries: Iterable[Entry]) -> None:
        """Note what *result* consists of, parents first."""
        self._entries[result.name] = tuple(entries)

    def layer_of(self, result: Result) -> Layer | None:
        """Give the packed layer of *result*, if there is one."""
        return self._packed.get(result.name)

    def is_there(self, result: Result) -> bool:
        """Tell whether *result* can still be had in some form."""
        layer = self._packed.get(result.name)
        if layer is not None and self._store.has(layer.descriptor):
            return True
        return (
            result.name in self._entries
            or result.name in self._elsewhere
            or self._snapshots.find(result.name) is not None
        )

    def diff_id_of(self, result: Result) -> DiffID | None:
        """Give the diff_id of *result* where it is known without packing it."""
        layer = self._packed.get(result.name)
        if layer is not None:
            return layer.diff_id
        layer_elsewhere = self._ready_elsewhere(result)
        return layer_elsewhere.diff_id if layer_elsewhere is not None else None

    def described(self, chain: Chain) -> "CachedLayer":
        """Say which blob the topmost layer of *chain* is; it is packed for that, but not brought from a cache."""
        from smidgen.dockerfile.cache.document import CachedLayer

        layer = self._packed.get(chain[-1].name)
        if layer is None or not self._store.has(layer.descriptor):
            elsewhere = self._ready_elsewhere(chain[-1])
            if elsewhere is not None:
                return elsewhere
            layer = self.packed(chain)
        return CachedLayer.of(layer.descriptor, layer.diff_id)

    def _ready_elsewhere(self, result: Result) -> "CachedLayer | None":
        """Give what a cache has of *result* in the very form that this build would give it."""
        layer, format_name = self._elsewhere.get(result.name, (None, ""))
        return layer if format_name == self._format.name else None

    def view(self, chain: Chain) -> Merged:
        """Unpack what is not unpacked yet, and give the files of all of *chain*."""
        return Merged(self.directories(chain))

    def directories(self, chain: Chain) -> list[Path]:
        """Unpack what is not unpacked yet, and give the directories, the bottom one first."""
        found: list[Path] = []
        for result in chain:
            there = self._snapshots.find(result.name)
            found.append(there if there is not None else self._unpack(result, found))
        return found

    def bring(self, chain: Chain) -> None:
        """Bring those layers of *chain* that caches have in the form that the image needs, several at once."""
        found = [self._ready_elsewhere(result) for result in chain if result.name not in self._packed]
        wanted = [layer for layer in found if layer is not None]
        if self._imports is not None and wanted:
            self._imports.bring_all(wanted)

    def start_packing(self, chain: Chain) -> None:
        """Begin to pack the topmost layer of *chain* while other things go on."""
        from concurrent.futures import ThreadPoolExecutor  # a build that changes nothing packs nothing

        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_PACKERS, thread_name_prefix="pack")
            name = chain[-1].name
            if name not in self._packed and name not in self._packing:
                self._packing[name] = self._pool.submit(self._pack, chain)

    def packed(self, chain: Chain) -> Layer:
        """Give the topmost layer of *chain* packed."""
        result = chain[-1]
        layer = self._packed.get(result.name)
        if layer is not None and self._store.has(layer.descriptor):
            return layer
        elsewhere = self._ready_elsewhere(result)
        if elsewhere is not None and self._imports is not None:
            layer = self._packed[result.name] = self._imports.bring(elsewhere)
            return layer
        with self._lock:
            self._packed.pop(result.name, None)
            future = self._packing.get(result.name)
        return future.result() if future is not None else self._pack(chain)

    def _pack(self, chain: Chain) -> Layer:
        from smidgen.layer.pack import pack  # brings the codecs

        result = chain[-1]
        entries: Iterable[Entry]
        if result.name in self._entries:
            entries = retimed(self._entries[result.name], self._format.times)
        else:
            upper = self._snapshots.find(result.name)
            if upper is None and result.name in self._elsewhere:
                upper = self.directories(chain)[-1]
            if upper is None:
                raise NotFound(f"layer {result.name}", hint="build again with --no-cache")
            lower = self.view(chain[:-1])
            entries = changes(upper, lower, times=self._format.times, stubs=result.stubs)
        with self._store.writer() as writer:
            layer = pack(entries, writer.write, compression=self._format.compression)
            writer.commit(layer.descriptor.digest, layer.descriptor.size)
        remember_size(self._store, layer.descriptor, layer.size)
        self._packed[result.name] = layer
        return layer

    def _unpack(self, result: Result, below: Sequence[Path]) -> Path:
        with self._snapshots.making(result.name):
            there = self._snapshots.find(result.name)
            if there is not None:
                return there
            with self._snapshots.draft() as draft, reporting("write", draft.content):
                entries = self._entries.get(result.name)
                if entries is not None:
                    self._fill(entries, draft.content, Merged(below))
                else:
                    self._unpack_layer(result, draft.content, Merged(below))
                return self._snapshots.keep(draft, result.name)

    def _fill(self, entries: Iterable[Entry], root: Path, lower: Merged) -> None:
        from smidgen.layer.unpack_overlay import fill_overlay

        fill_overlay(entries, root, lower=lower, opaque=self._opaque, preserve_owners=self._keeps_owners)

    def _unpack_layer(self, result: Result, root: Path, lower: Merged) -> None:
        layer = self._packed.get(result.name)
        elsewhere, _ = self._elsewhere.get(result.name, (None, ""))
        if elsewhere is None or self._imports is None or (layer is not None and self._store.has(layer.descriptor)):
            self._unpack_blob(result, layer, root, lower)
            return
        from smidgen.dockerfile.cache.imports import CacheLost

        brought = self._imports.bring(elsewhere)
        try:
            self._unpack_blob(result, brought, root, lower)
        except SmidgenError as error:
            self._imports.refuse(elsewhere, error)
            raise CacheLost from error

    def _unpack_blob(self, result: Result, layer: Layer | None, root: Path, lower: Merged) -> None:
        from smidgen.layer.decompress import decompressed  # brings the codecs
        from smidgen.layer.digesting import Digesting
        from smidgen.layer.unpack_overlay import unpack_overlay

        if layer is None:
            raise NotFound(f"layer {result.name}", hint="build again with --no-cache")
        algorithm = LAYER_COMPRESSION.get(layer.descriptor.media_type)
        if algorithm is None:
            raise InvalidContent(
                f"layer {layer.descriptor.digest}", f"media type {layer.descriptor.media_type!r} is not a layer's"
            )
        with decompressed(self._store.open_blob(layer.descriptor), algorithm) as stream:
            tar = Digesting(stream)
            unpack_overlay(tar.buffered(), root, lower=lower, opaque=self._opaque, preserve_owners=self._keeps_owners)
            tar.check(layer.diff_id, what=f"uncompressed layer {layer.descriptor.digest}")


def chain_name(layers: Layers, chain: Chain) -> str | None:
    """Give the chain id of *chain*, without the algorithm, as far as no layer has to be packed for it."""
    from smidgen.dockerfile.cache.document import chained

    name = ""
    for result in chain:
        diff_id = layers.diff_id_of(result)
        if diff_id is None:
            return None
        name = chained(name, diff_id)
    return name


def retimed(entries: Iterable[Entry], times: Times) -> Iterator[Entry]:
    """Give *entries* the times that a layer has."""
    for entry in entries:
        yield entry if times.keep or entry.mtime == times.fixed else entry.at(times.fixed)
