"""From registry to registry: what is there is mounted or left, the rest streams through memory and never to disk."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias, cast

from smidgen.errors import DigestMismatch, RegistryUnreachable
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.registry.body import Body
from smidgen.registry.client import Client
from smidgen.registry.delivery import Cargo, Delivered, deliver
from smidgen.registry.documents import Gatherer, Tree
from smidgen.registry.download import PIECE, BlobStream, tries
from smidgen.registry.progress import SILENT, Progress
from smidgen.registry.pull import read_manifests, referring
from smidgen.registry.push import chosen_tree
from smidgen.registry.repository import Repository
from smidgen.registry.session import Session
from smidgen.registry.workers import Stop

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Copied: TypeAlias = Delivered

#: States of a digest that are kept of one blob, to go on from where an upload broke off.
_MARKS: Final = 256


def copy(
    session: Session,
    source: Reference,
    destinations: tuple[Reference, ...],
    *,
    platforms: tuple[Platform, ...] | None = None,
    referrers: bool = False,
    progress: Progress = SILENT,
    memory: Path | None = None,
) -> Copied:
    """Bring an image from one repository to others.

    Args:
        session: Knows the registries.
        source: What to copy; ``:latest`` where it has neither tag nor digest.
        destinations: Where it goes.
        platforms: Of an index, these images only. One platform gives its manifest, several a new index, whose digest
            is another; None all that it has.
        referrers: Also copy signatures and the like.
        progress: Is told.
        memory: Directory in which uploads that broke off are remembered, for the next run.

    Raises:
        NotInRegistry: There is no such image.
        NotFound: It has no image for a platform.
        RegistryError: A registry refused, or did not answer.
        ContentError: What the source gives is not what it should be.
    """
    source = source.with_default_tag()
    stop = Stop()
    client = Client(session, Repository.of(source), stop=stop)
    try:
        gatherer = Gatherer(partial(read_manifests, client, progress=progress), str(client.repository))
        root, data = client.get_manifest(source.digest or source.tag)
        gatherer.know(root, data)
        tree = chosen_tree(gatherer, root, platforms, client.get_blob, name=source.familiar)
        also: Sequence[Tree] = referring(client, gatherer, tree) if referrers else ()
        cargo = Cargo(
            tree=tree,
            referring=tuple(also),
            source=lambda blob: RemoteBlob(client, blob),
            mounts=lambda registry, _: (client.repository,) if registry == client.repository.registry else (),
            memory=memory,
        )
        return deliver(session, cargo, destinations, progress=progress, stop=stop)
    finally:
        stop.set()


class Marks:
    """States of the digest of a blob's first bytes: it can only be computed forwards.

    Attributes:
        mismatches: How often the whole turned out to be wrong.
    """

    def __init__(self) -> None:
        self._states = {0: hashlib.sha256()}
        self.mismatches = 0

    def mistrust(self) -> None:
        """Forget all of them: the whole has the wrong digest, so some were of wrong bytes."""
        self._states = {0: hashlib.sha256()}
        self.mismatches += 1

    def before(self, position: int) -> "tuple[int, hashlib._Hash]":
        """Give the last state at or before *position*, and where it is."""
        at = max(mark for mark in self._states if mark <= position)
        return at, self._states[at].copy()

    def note(self, position: int, state: "hashlib._Hash", size: int) -> None:
        """Keep the state at *position* if it is far enough from the last one."""
        if position - max(self._states) >= max(PIECE, size // _MARKS):
            self._states[position] = state.copy()


@dataclass(frozen=True, slots=True)
class RemoteBlob:
    """A blob of a registry, checked on its way.

    Attributes:
        client: Of the repository that has it.
        descriptor: What it has to be.
        marks: How far its digest is known; every reader of it adds to them.
    """

    client: Client
    descriptor: Descriptor
    marks: Marks = field(default_factory=Marks, repr=False, compare=False)

    def body(self, start: int, end: int) -> Body:
        """Give the bytes from *start* to before *end*."""
        return _RemotePart(self, start, end)

    def check(self) -> None:
        """Do nothing: no byte that is the last was ever given out before the whole was checked."""


@dataclass(frozen=True, slots=True)
class _RemotePart:
    blob: RemoteBlob
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start

    def open(self) -> BinaryIO:
        return cast("BinaryIO", _CheckedReader(self.blob, self.start, self.end))


class _CheckedReader(io.RawIOBase):
    """Reads from the registry; the last piece is given out only if the whole has the right digest."""

    def __init__(self, blob: RemoteBlob, start: int, end: int) -> None:
        self._blob = blob
        self._descriptor = blob.descriptor
        self._marks = blob.marks
        self._end = end
        at, self._sha256 = self._marks.before(start)
        self._stream = BlobStream(blob.client, blob.descriptor, at)
        try:
            skipped = memoryview(bytearray(min(PIECE, start - at)))
            while self._stream.position < start:
                self._take(skipped[: start - self._stream.position])
        except BaseException:
            self._stream.close()
            raise

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill *buffer* as far as there are bytes."""
        return self._take(memoryview(buffer).cast("B")[: self._end - self._stream.position])

    def close(self) -> None:
        """Let the source's connection go."""
        self._stream.close()
        super().close()

    def _take(self, view: memoryview) -> int:
        count = self._stream.readinto(view)
        self._sha256.update(view[:count])
        self._marks.note(self._stream.position, self._sha256, self._descriptor.size)
        if count and self._stream.position == self._descriptor.size:
            got = "sha256:" + self._sha256.hexdigest()
            if got != self._descriptor.digest:
                raise self._wrong(got)
        return count

    def _wrong(self, got: str) -> DigestMismatch | RegistryUnreachable:
        """Say that the bytes are wrong; at first as a fault that passes, as a bit may have fallen over."""
        repository = self._blob.client.repository
        what = f"blob {self._descriptor.digest} of {repository}"
        self._marks.mistrust()
        if self._marks.mismatches < tries(self._descriptor):
            return RegistryUnreachable(f"{what} came with digest {got}", registry=repository.registry)
        error = DigestMismatch(want=self._descriptor.digest, got=got, what=what)
        error.hint = f"{repository.registry} gives other bytes than the image names: tell its owner"
        return error
