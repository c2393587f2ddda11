"""Where caches are: image layouts of this machine, and registries."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Protocol

from smidgen.dockerfile.cache.document import ARTIFACT, DOCUMENT, INLINE, CacheDocument, decode_document
from smidgen.dockerfile.cache.flags import CachePlace, LocalCache, RegistryCache
from smidgen.errors import InvalidContent, LimitExceeded, NotFound
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import MAX_DOCUMENT, Manifest, decode_index, decode_manifest
from smidgen.oci.media_types import INDEXES
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.registry.client import Client
    from smidgen.registry.session import Session

_MAX_IMAGES: Final = 64


class Reads(Protocol):
    """Gives what is in one cache."""

    def root(self) -> tuple[Descriptor, bytes]:
        """Give the manifest or index, checked."""
        ...

    def read(self, descriptor: Descriptor) -> bytes:
        """Give a document, checked."""
        ...

    def fetch(self, descriptor: Descriptor, store: ContentStore) -> None:
        """Bring a blob into *store*, checked."""
        ...


def documents(place: Reads) -> Iterator[CacheDocument]:
    """Give what a cache says, or what an image, or each image of an index, carries.

    Raises:
        NotFound: There is none.
        ContentError: It is damaged, or something else.
        RegistryError: The registry did not give it.
    """
    root, data = place.root()
    found = False
    for manifest in _manifests(place, root, data):
        if manifest.artifact_type == ARTIFACT:
            if manifest.config.media_type != DOCUMENT:
                raise InvalidContent("build cache", f"its configuration is {manifest.config.media_type[:100]!r}")
            yield decode_document(place.read(manifest.config))
            found = True
        elif (text := (manifest.annotations or {}).get(INLINE)) is not None:
            yield decode_document(text.encode())
            found = True
    if not found:
        raise NotFound("build cache in this image", hint="build it with --cache-to type=inline")


def _manifests(place: Reads, root: Descriptor, data: bytes) -> Iterator[Manifest]:
    if root.media_type not in INDEXES:
        yield decode_manifest(data, media_type=root.media_type)
        return
    entries = decode_index(data, media_type=root.media_type).manifests
    if len(entries) > _MAX_IMAGES:
        raise LimitExceeded("images of an index that is to have caches", limit=_MAX_IMAGES, got=len(entries))
    for entry in entries:
        yield decode_manifest(place.read(entry), media_type=entry.media_type)


class InLayout:
    """A cache in an image layout."""

    def __init__(self, place: LocalCache) -> None:
        self._place = place

    def root(self) -> tuple[Descriptor, bytes]:
        """See ``Reads``."""
        from smidgen.store.layout import layout_entries
        from smidgen.store.tags import REF_NAME, untagged

        for entry in layout_entries(self._place.directory):
            if (entry.annotations or {}).get(REF_NAME) == self._place.tag:
                plain = untagged(entry)
                return plain, self.read(plain)
        raise NotFound(f"tag {self._place.tag!r} in {self._place.directory}", hint="name another with tag=")

    def read(self, descriptor: Descriptor) -> bytes:
        """See ``Reads``."""
        from smidgen.store.layout import open_layout_blob

        if descriptor.size > MAX_DOCUMENT:
            raise LimitExceeded("size of a document in bytes", limit=MAX_DOCUMENT, got=descriptor.size)
        with open_layout_blob(self._place.directory, descriptor) as stream:
            data = stream.read(descriptor.size + 1)
        descriptor.verify(data)
        return data

    def fetch(self, descriptor: Descriptor, store: ContentStore) -> None:
        """See ``Reads``."""
        from smidgen.store.layout import open_layout_blob

        with open_layout_blob(self._place.directory, descriptor) as stream:
            store.put_stream(descriptor, stream)


class InRegistry:
    """A cache in a registry."""

    def __init__(self, client: "Client", place: RegistryCache) -> None:
        self._client = client
        self._reference = place.reference

    def root(self) -> tuple[Descriptor, bytes]:
        """See ``Reads``."""
        return self._client.get_manifest(self._reference.digest or self._reference.tag or "latest")

    def read(self, descriptor: Descriptor) -> bytes:
        """See ``Reads``."""
        if descriptor.media_type == DOCUMENT:
            return self._client.get_blob(descriptor)
        return self._client.get_manifest(descriptor.digest, media_type=descriptor.media_type)[1]

    def fetch(self, descriptor: Descriptor, store: ContentStore) -> None:
        """See ``Reads``."""
        self._client.fetch_blob(descriptor, store)


class Registries:
    """The session with registries that the caches of a build need, opened when one is reached."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._stack = ExitStack()
        self._session: Session | None = None

    def client(self, place: RegistryCache, *, actions: tuple[str, ...] = ("pull",)) -> "Client":
        """Give what asks for the repository of *place*."""
        # Most builds find what they need in the store.
        from smidgen.config.registries import registry_hosts
        from smidgen.registry.client import Client
        from smidgen.registry.repository import Repository
        from smidgen.registry.session import Session

        if self._session is None:
            self._session = self._stack.enter_context(Session(hosts=registry_hosts(), warn=self._warn))
        return Client(self._session, Repository.of(place.reference), actions=actions)

    def reader(self, place: CachePlace) -> Reads:
        """Give what reads the cache at *place*."""
        return InLayout(place) if isinstance(place, LocalCache) else InRegistry(self.client(place), place)

    def close(self) -> None:
        """Let go of the connections."""
        self._stack.close()
