"""Directories that commands keep, packed for other machines and restored from them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from smidgen.dockerfile.cache.document import CachedLayer
from smidgen.dockerfile.cache.imports import CacheLost, Imports
from smidgen.dockerfile.mounts import CacheMount
from smidgen.dockerfile.steps import RunStep
from smidgen.errors import SmidgenError
from smidgen.layer.compression import Compression
from smidgen.layer.merged import Merged
from smidgen.layer.snapshot import Times, changes
from smidgen.oci.media_types import LAYER_COMPRESSION
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.dockerfile.execute.builder import Builder


@dataclass(frozen=True, slots=True)
class Restores:
    """Fills directories that are empty from caches.

    Attributes:
        imports: The caches.
        store: Gets the layers.
        keeps_owners: Files can belong to any user.
        warn: Is told what went wrong.
    """

    imports: Imports
    store: ContentStore
    keeps_owners: bool
    warn: Callable[[str], None]

    def __call__(self, mount_id: str, directory: Path) -> bool:
        """Fill the empty *directory*; tells whether there was something. Where it fails, it is half full."""
        from smidgen.layer.decompress import decompressed  # brings the codecs
        from smidgen.layer.unpack import unpack

        layer = self.imports.mount(mount_id)
        if layer is None:
            return False
        try:
            brought = self.imports.bring(layer)
            algorithm = LAYER_COMPRESSION[layer.media_type]
            with decompressed(self.store.open_blob(brought.descriptor), algorithm) as stream:
                unpack(stream, directory, preserve_owners=self.keeps_owners)
        except CacheLost:
            return False  # a warning has said it
        except SmidgenError as error:
            self.warn(f"the cache mount {mount_id!r} is not restored: {error.message}")
            return False
        return True


def collect_mounts(builder: "Builder", store: ContentStore) -> dict[str, CachedLayer]:
    """Pack the kept directories that the stages of a build name, by id.

    What cannot be packed, as a command of another build is at it, is left out with a warning.
    """
    found: dict[str, CachedLayer] = {}
    for mount_id in sorted(_ids(builder)):
        directory = builder.cache_mounts.directory(mount_id)
        elsewhere = builder.imports.mount(mount_id) if builder.imports is not None else None
        if directory is None or not os.listdir(directory):
            if elsewhere is not None:
                found[mount_id] = elsewhere
            continue
        try:
            found[mount_id] = _packed(directory, store, builder.options.compression)
        except (SmidgenError, OSError) as error:
            builder.watcher.warn(f"the cache mount {mount_id!r} is not in the cache: {error}")
    return found


def _ids(builder: "Builder") -> set[str]:
    steps = (step for stage in builder.all_begun() for step in stage.steps if isinstance(step, RunStep))
    return {each.mount.id for step in steps for each in step.mounts if isinstance(each.mount, CacheMount)}


def _packed(directory: Path, store: ContentStore, compression: Compression) -> CachedLayer:
    from smidgen.layer.pack import pack  # brings the codecs

    with store.writer() as writer:
        layer = pack(changes(directory, Merged(()), times=Times(keep=True)), writer.write, compression=compression)
        writer.commit(layer.descriptor.digest, layer.descriptor.size)
    return CachedLayer.of(layer.descriptor, layer.diff_id)
