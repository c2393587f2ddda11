"""A build's cache, brought to where other machines find it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from smidgen.dockerfile.cache.document import (
    ARTIFACT,
    DOCUMENT,
    CachedLayer,
    CachedMount,
    CacheDocument,
    CachedStep,
    document_of,
    encode_document,
)
from smidgen.dockerfile.cache.flags import CachePlace, CacheTo, LocalCache, RegistryCache
from smidgen.dockerfile.cache.imports import CacheLost, Imports
from smidgen.dockerfile.cache.places import Registries
from smidgen.errors import ContentError, NotFound, SmidgenError
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest, encoded
from smidgen.oci.manifest import Manifest, encode
from smidgen.oci.media_types import OCI_EMPTY, OCI_MANIFEST
from smidgen.store.content import ContentStore

_NOTHING = b"{}"


@dataclass(slots=True)
class Collected:
    """What there is to export, of all platforms so far.

    Attributes:
        steps: By mode.
        mounts: By id.
    """

    steps: dict[str, tuple[CachedStep, ...]] = field(default_factory=dict)
    mounts: dict[str, CachedLayer] = field(default_factory=dict)

    def document(self, to: CacheTo) -> CacheDocument:
        """Give what goes to *to*."""
        mounts = self.mounts if to.mounts else {}
        named = tuple(CachedMount(id=one, layer=layer) for one, layer in sorted(mounts.items()))
        return document_of(self.steps.get(to.mode, ()), named)


@dataclass(frozen=True, slots=True)
class Exports:
    """Writes caches.

    Attributes:
        store: Has the layers, or gets them.
        registries: Asked where a cache goes to one.
        imports: Have layers that nothing needed so far.
        warn: Is told what went wrong.
    """

    store: ContentStore
    registries: Registries
    imports: Imports | None
    warn: Callable[[str], None]

    def write(self, collected: Collected, targets: tuple[CacheTo, ...]) -> None:
        """Write the cache to all of *targets*; where that does not work the image is there all the same."""
        for to in targets:
            if to.place is None:
                continue
            try:
                self._write(collected.document(to), to.place)
            except SmidgenError as error:
                self.warn(f"the cache was not written to {to.place}: {error.message}")
            except CacheLost:
                self.warn(f"the cache was not written to {to.place}: a layer of another cache is lost")

    def _write(self, document: CacheDocument, place: CachePlace) -> None:
        descriptor, manifest = self._manifest(document)
        by_digest = {layer.digest: layer for layer in document.layers}
        if isinstance(place, LocalCache):
            self._to_layout(place, descriptor, manifest, by_digest)
        else:
            self._to_registry(place, descriptor, manifest, by_digest)

    def _manifest(self, document: CacheDocument) -> tuple[Descriptor, Manifest]:
        layers = tuple({layer.digest: layer.descriptor for layer in document.layers}.values())
        manifest = Manifest(
            schema_version=2,
            media_type=OCI_MANIFEST,
            artifact_type=ARTIFACT,
            config=self.store.put(encode_document(document), media_type=DOCUMENT),
            # A manifest has one layer at least (image-spec, "Guidelines for Artifact Usage").
            layers=layers or (self.store.put(_NOTHING, media_type=OCI_EMPTY),),
        )
        return self.store.put(encode(manifest), media_type=OCI_MANIFEST), manifest

    def _have(self, blob: Descriptor, layers: dict[Digest, CachedLayer]) -> None:
        """See that *blob* is in the store."""
        if self.store.has(blob):
            return
        if self.imports is None or blob.digest not in layers:
            raise NotFound(f"blob {blob.digest}", hint="build again")
        self.imports.bring(layers[blob.digest])

    def _to_layout(
        self, place: LocalCache, descriptor: Descriptor, manifest: Manifest, layers: dict[Digest, CachedLayer]
    ) -> None:
        from smidgen.store.layout import write_layout

        if self._is_there(place, descriptor, manifest):
            return
        for blob in manifest.layers:
            self._have(blob, layers)
        write_layout(self.store, [(None, descriptor)], place.directory, ref_name=place.tag)

    def _is_there(self, place: LocalCache, descriptor: Descriptor, manifest: Manifest) -> bool:
        """Tell whether the layout has the very same cache, so that nothing has to be brought together for it."""
        try:
            root, _ = self.registries.reader(place).root()
        except ContentError:
            return False
        blobs = place.directory / "blobs" / "sha256"
        try:
            sizes = all((blobs / encoded(one.digest)).stat().st_size == one.size for one in manifest.layers)
        except OSError:
            return False
        return sizes and root.digest == descriptor.digest

    def _to_registry(
        self, place: RegistryCache, descriptor: Descriptor, manifest: Manifest, layers: dict[Digest, CachedLayer]
    ) -> None:
        from smidgen.registry.workers import in_parallel

        client = self.registries.client(place, actions=("pull", "push"))
        tag = place.reference.tag or "latest"
        found = client.find(tag)
        if found is not None and found.digest == descriptor.digest:
            return

        def push(blob: Descriptor) -> None:
            if client.stat_blob(blob.digest) is None:
                self._have(blob, layers)
                client.push_blob(blob, self.store)

        once = {blob.digest: blob for blob in (*manifest.layers, manifest.config)}
        in_parallel(push, once.values(), stop=client.stop)
        client.put_manifest(encode(manifest), OCI_MANIFEST, tag)
