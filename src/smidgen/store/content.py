"""The content store: an OCI image layout on disk, shared by all builds of a user.

Source: OCI image-spec v1.1.1, ``image-layout.md``.

::

    oci-layout           {"imageLayoutVersion":"1.0.0"}, made last of all
    index.json           one entry a tag, replaced whole
    blobs/sha256/        content, by digest
    ingest/              files being written, each locked by its writer
    partial/             blobs that were fetched half way, see ``smidgen.store.partial``
    cache/               what can be made again; deleting it only costs time
    snapshots/, mounts/  likewise, see ``smidgen.store.snapshots``
    lock, lease          see ``smidgen.store.locks``

A file is either whole and in its place or it is not there, so a process that is killed at any
moment leaves a store that is consistent; what it left in ``ingest/`` is deleted by the next build.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from smidgen.errors import ContentError, NotFound, StoreError
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.reference import Reference
from smidgen.store import tags as tags_file
from smidgen.store.blobs import CHUNK, Blobs, BlobWriter
from smidgen.store.faults import reporting, store_error
from smidgen.store.locks import locked

if TYPE_CHECKING:
    from smidgen.store.collect import Collected
    from smidgen.store.partial import Partial

LAYOUT: Final = b'{"imageLayoutVersion":"1.0.0"}'
_LAYOUT_VERSION: Final = "1.0.0"
_OUR_NAMES: Final = frozenset({"blobs", "cache", "index.json", "ingest", "lease", "lock", "mounts", "snapshots"})
_GC_WAIT: Final = 30.0


class _Layout(msgspec.Struct, frozen=True, rename="camel"):
    image_layout_version: str


def default_root(environ: Mapping[str, str] | None = None) -> Path:
    """Where the store of this user is: ``$SMIDGEN_STORE``, else ``$XDG_DATA_HOME/smidgen/store``.

    ``XDG_DATA_HOME`` is ``~/.local/share`` by default.

    Source: XDG Base Directory Specification 0.8; a relative ``XDG_DATA_HOME`` is ignored, as it says.
    """
    environ = os.environ if environ is None else environ
    if chosen := environ.get("SMIDGEN_STORE"):
        return Path(chosen)
    data = environ.get("XDG_DATA_HOME", "")
    if not data.startswith("/"):
        home = environ.get("HOME") or os.path.expanduser("~")
        data = f"{home}/.local/share"
    return Path(data) / "smidgen" / "store"


@dataclass(frozen=True, slots=True)
class ContentStore:
    """Blobs by digest, and tags that name some of them.

    Attributes:
        root: The directory, which need not exist: then it is an empty store that cannot be written.
    """

    root: Path
    _blobs: Blobs = field(repr=False, compare=False)

    @classmethod
    def open(cls, root: Path | None = None, *, create: bool = True) -> "ContentStore":
        """Open the store at *root*, by default ``default_root()``.

        Args:
            root: A directory.
            create: Make the store where there is none; without it nothing is written.

        Raises:
            StoreError: Not a store, one of a version that is not known here, or it cannot be read or made.
        """
        root = Path(os.path.abspath(default_root() if root is None else root))
        store = cls(root, Blobs(root))
        if not is_layout(root) and create:
            _create(root, store._blobs)
        return store

    # Blobs

    def stat(self, digest: Digest) -> int | None:
        """Give the size in bytes of the stored file of *digest*, or None."""
        return self._blobs.stat(digest)

    def has(self, descriptor: Descriptor) -> bool:
        """Tell whether the blob is stored with its right size."""
        return self._blobs.stat(descriptor.digest) == descriptor.size

    def sizes(self) -> dict[Digest, int]:
        """List all that is stored, with the sizes in bytes of the files."""
        return self._blobs.digests()

    def blob_path(self, digest: Digest) -> Path:
        """Name the file of *digest*; what is read from it there is not checked."""
        return Path(self._blobs.path(digest))

    def get(self, descriptor: Descriptor) -> bytes:
        """Read a blob whole: for documents; layers go through ``open_blob``.

        Raises:
            NotFound: Not stored.
            SizeMismatch: The stored file has another size.
            DigestMismatch: The stored bytes are damaged.
        """
        return self._blobs.get(descriptor)

    def open_blob(self, descriptor: Descriptor) -> BinaryIO:
        """Open a blob for reading from the start; size and digest are checked before its end is given out.

        Raises:
            NotFound: Not stored.
            SizeMismatch: The stored file has another size.
        """
        return self._blobs.open(descriptor)

    def put(self, data: bytes, *, media_type: str) -> Descriptor:
        """Store *data*, if it is not there already, and describe it."""
        descriptor = Descriptor.of(data, media_type=media_type)
        if self.has(descriptor):
            # A document that a power failure damaged heals when it is made again.
            with suppress(ContentError):
                self.get(descriptor)
                return descriptor
        with self.writer() as writer:
            writer.write(data)
            writer.commit(descriptor.digest, descriptor.size)
        return descriptor

    def put_stream(self, descriptor: Descriptor, stream: BinaryIO) -> None:
        """Store the blob *descriptor* from the bytes of *stream*, which must be it; memory is bounded.

        Raises:
            SizeMismatch: *stream* is shorter or longer.
            DigestMismatch: It is something else.
        """
        self._blobs.put_stream(descriptor, stream)

    @contextmanager
    def writer(self) -> Iterator[BlobWriter]:
        """Open a writer for one blob; without ``commit`` the store stays as it was."""
        with self._blobs.ingest() as ingest:
            yield BlobWriter(self._blobs, ingest)

    def partial(
        self, descriptor: Descriptor, waiting: Callable[[float], None]
    ) -> "AbstractContextManager[Partial | None]":
        """Open the bytes that there are of a blob, for more; see ``smidgen.store.partial``.

        Args:
            descriptor: Which blob.
            waiting: Called with seconds to sleep, while another process has them open.

        Returns:
            A context with the beginning, or with None where the blob is stored by now.
        """
        from smidgen.store.partial import partial  # for downloads only

        return partial(self._blobs, f"{self.root}/partial", descriptor, waiting)

    def commit_partial(self, partial: "Partial", what: str) -> None:
        """Make what is now whole a blob of the store.

        Args:
            partial: From ``partial``.
            what: Names the blob in errors, and perhaps where it came from.

        Raises:
            SizeMismatch: It is not whole.
            DigestMismatch: It is something else.
        """
        partial.check(what)
        self._blobs.commit(partial, partial.digest)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep garbage collection away from blobs that no tag names yet.

        Hold it from the first ``has`` or ``put`` that is relied on until the tag is set. Any number
        of processes hold it together, and one may hold it several times.
        """
        with locked(self.root / "lease", shared=True):
            self._blobs.sweep_ingest()
            yield

    # Tags

    def tags(self) -> dict[Reference, Descriptor]:
        """Give all tags, sorted by name."""
        return tags_file.tags_of(tags_file.read_index(self.root))

    def roots(self) -> tuple[Descriptor, ...]:
        """Give all entries of ``index.json`` as they stand, those that are no tags too."""
        return tags_file.read_index(self.root).manifests

    def resolve(self, reference: Reference) -> Descriptor:
        """Find what *reference* names; ``:latest`` where it has neither tag nor digest.

        Raises:
            NotFound: No such name, or it names another digest; the hint has close names.
        """
        return tags_file.find(tags_file.read_index(self.root), reference.with_default_tag())

    def tag(self, reference: Reference, descriptor: Descriptor) -> None:
        """Name a stored manifest or index; see ``tag_all``."""
        self.tag_all({reference: descriptor})

    def tag_all(self, tags: Mapping[Reference, Descriptor]) -> None:
        """Set several tags at once; each replaces the tag of the same name. A digest in a reference is dropped.

        Raises:
            NotFound: A descriptor's blob is not stored.
            StoreError: The store cannot be written; it is as it was.
        """
        new = {msgspec.structs.replace(ref, digest=None).with_default_tag(): found for ref, found in tags.items()}
        self._change({reference: tags_file.untagged(descriptor) for reference, descriptor in new.items()})

    def untag(self, reference: Reference) -> bool:
        """Remove a tag; tells whether there was one. The content stays until ``gc``."""
        return self.root.is_dir() and self._change({}, (reference.with_default_tag(),))

    def drop(self, digest: Digest) -> bool:
        """Remove all entries of *digest*, those that are no tags too; tells whether there were any."""
        return self.root.is_dir() and self._change({}, dropped=digest)

    def _change(
        self, new: Mapping[Reference, Descriptor], gone: Iterable[Reference] = (), dropped: Digest | None = None
    ) -> bool:
        if not self.root.is_dir():
            raise NotFound(f"store {self.root}", hint="`smidgen build` or `smidgen load` makes it")
        with locked(self.root / "lock"):
            # Under the lock, so that a collection cannot come between the check and the tag.
            for descriptor in new.values():
                if not self.has(descriptor):
                    raise NotFound(f"blob {descriptor.digest}", hint="store the content before it is named")
            index = tags_file.read_index(self.root)
            after = tags_file.changed(index, new, gone, dropped)
            if after == index:
                return False
            tags_file.write_index(self.root, self._blobs, after)
            return True

    # Garbage

    def gc(
        self, *, dry_run: bool = False, verify: bool = False, builds: bool = False, wait: float = _GC_WAIT
    ) -> "Collected":
        """Delete what no tag leads to.

        Args:
            dry_run: Only tell what would be deleted.
            verify: Also read every blob that stays, and delete those that are damaged.
            builds: Also delete all that builds of Dockerfiles keep for each other, not only what is old.
            wait: Seconds to wait for builds that hold ``writing()``.

        Raises:
            StoreError: Builds held the store all the time, or it cannot be written.
        """
        from smidgen.store.collect import Collected, collect

        if not self.root.is_dir():
            return Collected((), 0)
        with locked(self.root / "lease", wait=wait), locked(self.root / "lock"):
            return collect(self, self._blobs, dry_run=dry_run, verify=verify, builds=builds)


def is_layout(root: Path) -> bool:
    """Tell whether *root* is an image layout.

    Raises:
        StoreError: It is one of a version that is not known here, or it cannot be read.
    """
    path = f"{root}/oci-layout"
    try:
        with io.FileIO(path) as file:
            data = file.read(CHUNK)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise store_error(error, "open the store at", root) from error
    check_layout(data, path)
    return True


def check_layout(data: bytes, path: str) -> None:
    """Check the content of an ``oci-layout`` file.

    Raises:
        StoreError: Not one, or of another version.
    """
    try:
        version = msgspec.json.decode(data, type=_Layout).image_layout_version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"{path} is not an OCI layout file: {error}", hint="expected an OCI image layout") from error
    if version != _LAYOUT_VERSION:
        raise StoreError(
            f"{path} says image layout version {version!r}, expected {_LAYOUT_VERSION!r}",
            hint="a newer tool wrote it: use a newer smidgen, or another directory",
        )


def _create(root: Path, blobs: Blobs) -> None:
    with reporting("make the store at", root):
        os.makedirs(root, exist_ok=True)
        strangers = sorted(set(os.listdir(root)) - _OUR_NAMES - {"oci-layout"})
    if strangers:
        raise StoreError(
            f"{root} is not empty and not a store: it has {', '.join(map(repr, strangers[:3]))}",
            hint="choose an empty or new directory with --store or SMIDGEN_STORE",
        )
    with locked(root / "lock"):
        if is_layout(root):
            return
        with reporting("make the store at", root):
            for name in ("blobs/sha256", "ingest"):
                os.makedirs(f"{root}/{name}", exist_ok=True)
            if not os.path.exists(f"{root}/index.json"):
                tags_file.write_index(root, blobs, tags_file.EMPTY)
            # Last: what is half made has no oci-layout and is finished by whoever comes next.
            with blobs.ingest() as ingest:
                ingest.write(LAYOUT)
                ingest.move(f"{root}/oci-layout")
