"""From the name of a base to its content in the store.

A name of a registry is looked for in this order: its own digest; what the lock file pins it to; with ``--offline`` what
the store calls so; else the registry is asked, at each build, as a tag can move at any time. An image that is only in
the store is named ``store:NAME``: a name that others can push under never quietly means something local, nor the
other way round.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from smidgen.errors import InvalidContent, NotFound, NotInRegistry, RegistryError, RegistryUnreachable, UsageError
from smidgen.image.base import Base
from smidgen.image.base_name import BaseKind, BaseName
from smidgen.image.image import Image
from smidgen.image.lock_file import Lock, Pin
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.manifest import MAX_DOCUMENT
from smidgen.oci.media_types import INDEXES, MANIFESTS, OCI_INDEX, OCI_MANIFEST
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.registry.progress import SILENT, Progress
from smidgen.store.closure import is_whole
from smidgen.store.content import ContentStore
from smidgen.store.layout import layout_entries, read_entries
from smidgen.store.naming import choose
from smidgen.store.tags import untagged

if TYPE_CHECKING:
    from smidgen.registry.client import Client
    from smidgen.registry.session import Session

_NO_LOCK: Final = Lock(Path(), None)


class _Shape(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = ""
    manifests: msgspec.Raw = msgspec.Raw()


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseSource:
    """Finds and fetches bases. May be used by several threads; hold ``store.writing()``.

    Attributes:
        store: Where they go.
        open_session: Gives what knows of registries; called when one has to be asked.
        offline: Ask no registry.
        locked: Take no tag that the lock file does not pin.
        progress: Is told of blobs on their way.
    """

    store: ContentStore
    open_session: "Callable[[], Session]"
    offline: bool = False
    locked: bool = False
    progress: Progress = SILENT
    _opening: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _sessions: "list[Session]" = field(default_factory=list, repr=False, compare=False)

    def find(self, name: BaseName, lock: Lock = _NO_LOCK) -> Base:
        """Find out which image *name* is, and have its manifest or index in the store.

        Raises:
            NotFound: There is no such image, or none here and no registry may be asked.
            UsageError: It is not pinned, and has to be.
            RegistryError: The registry did not answer, or refused.
        """
        if name.kind is BaseKind.STORE:
            image = Image.resolve(self.store, name.text)
            return Base(name=str(name), image=Image(self.store, image.descriptor), decided_by=())
        if name.kind is BaseKind.LAYOUT:
            return self._of_layout(name)
        if name.reference is None:
            raise UsageError(f"{name} is no image that could be sought")
        pin = lock.pin(name.reference) if name.needs_lock else None
        if pin is None and name.needs_lock and self.locked:
            raise UsageError(
                f"the base {name.familiar} is not in {lock.path}, and --locked takes no other",
                hint="pin it with `smidgen lock`",
            )
        descriptor = self._descriptor(name.reference, pin)
        by_file: tuple[str, ...] | None = (str(lock.path),) if pin is not None else ()
        return Base(
            name=name.familiar,
            reference=str(msgspec.structs.replace(name.reference, digest=None)) if name.reference.tag else "",
            image=Image(self.store, descriptor),
            # Without a registry the store's own index decides, which is looked at anyway.
            decided_by=by_file if pin is not None or not name.needs_lock or self.offline else None,
        )

    def fetch(self, base: Base, name: BaseName, platforms: Iterable[Platform]) -> None:
        """Have the images of *base* for *platforms* in the store, whole, and the base under its own name.

        Raises:
            NotFound: It has none for a platform; or content is missing, and no registry may be asked.
            RegistryError: The registry did not answer, or refused.
            ContentError: What it gave is not what it should be.
        """
        if name.reference is None:
            for platform in platforms:
                base.pick(platform)
            return
        if base.image.descriptor.media_type not in INDEXES:
            # Which platform it is for is in its configuration.
            self._fetch_image(name.reference, base.image.descriptor)
        for platform in platforms:
            self._fetch_image(name.reference, base.pick(platform).descriptor)
        if name.reference.tag:
            self.store.tag(name.reference, base.image.descriptor)

    def fetch_documents(self, base: Base, name: BaseName, platforms: Iterable[Platform]) -> None:
        """Have manifest and configuration of *base* for *platforms* in the store, but no layers.

        Raises:
            NotFound: It has none for a platform; or a document is missing, and no registry may be asked.
            RegistryError: The registry did not answer, or refused.
        """
        if name.reference is None:
            return
        if base.image.descriptor.media_type not in INDEXES:
            self.fetch_image_documents(base.image, name.reference)
        for platform in platforms:
            self.fetch_image_documents(base.pick(platform), name.reference)

    def fetch_image_documents(self, image: Image, reference: Reference) -> None:
        """Have manifest and configuration of a single image in the store.

        Raises:
            NotFound: One is missing, and no registry may be asked.
            RegistryError: The registry did not answer, or refused.
        """
        if self.store.has(image.descriptor) and self.store.has(image.manifest.config):
            return
        if self.offline:
            raise self._missing(reference, f"{image.digest} is not in the store")
        self._fetched_document(reference, image.descriptor)
        config = image.manifest.config
        if not self.store.has(config):
            self.store.put(self.client(reference).get_blob(config), media_type=config.media_type)

    def pin(self, name: BaseName) -> Pin:
        """Ask the registry what *name* is now.

        Raises:
            RegistryError: It did not answer, or refused.
        """
        if name.reference is None:
            raise UsageError(f"{name} cannot be pinned: it is of no registry")
        descriptor = self._fetched_document(name.reference, self._asked(name.reference))
        image = Image(self.store, descriptor)
        if descriptor.media_type not in INDEXES:
            self.fetch_image_documents(image, name.reference)
        return Pin(
            reference=str(name.reference),
            digest=descriptor.digest,
            media_type=descriptor.media_type,
            size=descriptor.size,
            platforms={str(one.platform): one.digest for one in reversed(image.images)},
        )

    def close(self) -> None:
        """Close the connections to registries."""
        for session in self._sessions:
            session.close()

    def _of_layout(self, name: BaseName) -> Base:
        directory = Path(name.text)
        entry = choose(layout_entries(directory), name.tag, where=f"the image layout {directory}")
        read_entries(self.store, directory, (entry,))
        return Base(name=str(name), image=Image(self.store, untagged(entry)), decided_by=None)

    def _descriptor(self, reference: Reference, pin: Pin | None) -> Descriptor:
        digest = reference.digest or (pin.digest if pin is not None else None)
        if digest is not None:
            stored = pin.descriptor if pin is not None else described(self.store, digest)
            if stored is not None and self.store.has(stored):
                return stored
            if self.offline:
                raise self._missing(reference, f"{digest} is not in the store")
            return self._fetched_document(reference, Descriptor(media_type="", digest=digest, size=0))
        if self.offline:
            try:
                return self.store.resolve(reference)
            except NotFound as error:
                raise self._missing(reference, "the store has no image of that name") from error
        return self._fetched_document(reference, self._asked(reference))

    def _asked(self, reference: Reference) -> Descriptor:
        """Ask for what a tag names: one request without a body."""
        try:
            return self.client(reference).resolve(reference.digest or reference.tag)
        except NotInRegistry as error:
            self._hint_at_store(reference, error, "write store:{} to stand on the image of that name in the store")
            raise
        except RegistryUnreachable as error:
            self._hint_at_store(reference, error, "the store has {}: --offline builds on that")
            raise

    def _hint_at_store(self, reference: Reference, error: RegistryError, text: str) -> None:
        if reference in self.store.tags():
            error.hint = text.format(reference.familiar)

    def _fetched_document(self, reference: Reference, wanted: Descriptor) -> Descriptor:
        if wanted.size and self.store.has(wanted):
            return wanted
        descriptor, data = self.client(reference).get_manifest(wanted.digest)
        return self.store.put(data, media_type=descriptor.media_type)

    def _fetch_image(self, reference: Reference, descriptor: Descriptor) -> None:
        if is_whole(self.store, descriptor):
            return
        if self.offline:
            raise self._missing(reference, f"{descriptor.digest} is not in the store with all its layers")
        from smidgen.registry.pull import pull

        by_digest = msgspec.structs.replace(reference, tag="", digest=descriptor.digest)
        pull(self.session, by_digest, self.store, progress=self.progress)

    def _missing(self, reference: Reference, reason: str) -> NotFound:
        return NotFound(
            f"base {reference.familiar}",
            hint=f"{reason}, and --offline asks no registry: `smidgen pull {reference.familiar}` where there is a "
            "network, then `smidgen save` there and `smidgen load` here",
        )

    def client(self, reference: Reference) -> "Client":
        """Give what asks the registry for *reference*."""
        from smidgen.registry.client import Client
        from smidgen.registry.repository import Repository

        return Client(self.session, Repository.of(reference))

    @property
    def session(self) -> "Session":
        """What knows of registries; opened when it is first asked for."""
        with self._opening:
            if not self._sessions:
                self._sessions.append(self.open_session())
            return self._sessions[0]


def described(store: ContentStore, digest: Digest) -> Descriptor | None:
    """Describe the manifest or index *digest* of the store; None where it is not there.

    Raises:
        InvalidContent: It is something else.
        DigestMismatch: The stored bytes are damaged.
    """
    size = store.stat(digest)
    if size is None:
        return None
    what = f"base {digest}"
    if size > MAX_DOCUMENT:
        raise InvalidContent(what, f"{size} bytes are too many for a manifest")
    plain = Descriptor(media_type="", digest=digest, size=size)
    try:
        shape = msgspec.json.decode(store.get(plain), type=_Shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidContent(what, str(error)) from error
    media_type = shape.media_type or (OCI_INDEX if shape.manifests else OCI_MANIFEST)
    if media_type not in INDEXES | MANIFESTS:
        raise InvalidContent(what, f"{media_type} is no image")
    return msgspec.structs.replace(plain, media_type=media_type)
