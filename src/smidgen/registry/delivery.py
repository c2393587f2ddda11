"""Bringing what travels into repositories: blobs first, then the documents that name them, tags last of all.

So whatever stops it, no tag ever names what is not there. Push and copy differ only in where the bytes come from.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from smidgen.errors import AccessDenied
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.reference import Reference
from smidgen.registry.client import Client
from smidgen.registry.documents import Tree
from smidgen.registry.progress import Outcome, Progress
from smidgen.registry.repository import Repository
from smidgen.registry.session import Session
from smidgen.registry.upload import BlobSource, push_blob
from smidgen.registry.workers import Stop, in_parallel

_ACTIONS = ("pull", "push")


@dataclass(frozen=True, slots=True)
class Delivered:
    """What was brought where.

    Attributes:
        descriptor: The manifest or index that the references name now.
        references: All of them.
        sent: Bytes of blobs that were sent.
        mounted: Bytes of blobs that the registry took over from another repository.
        there: Bytes of blobs that were there already.
    """

    descriptor: Descriptor
    references: tuple[Reference, ...]
    sent: int = 0
    mounted: int = 0
    there: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cargo:
    """What travels, and how its bytes are come by.

    Attributes:
        tree: The image.
        referring: What refers to it.
        source: Gives a blob's bytes.
        mounts: Gives repositories that may have a blob, of the registry asked for.
        memory: Directory in which uploads that broke off are remembered.
    """

    tree: Tree
    referring: tuple[Tree, ...] = ()
    source: Callable[[Descriptor], BlobSource]
    mounts: Callable[[str, Descriptor], Iterable[Repository]]
    memory: Path | None = None


def deliver(
    session: Session, cargo: Cargo, references: Sequence[Reference], *, progress: Progress, stop: Stop
) -> Delivered:
    """Bring *cargo* to each of *references*.

    Raises:
        RegistryError: A registry refused, or did not answer.
        ContentError: The bytes are not what they should be.
    """
    references = tuple(dict.fromkeys(reference.with_default_tag() for reference in references))
    done = Delivered(cargo.tree.root, references)
    served: list[Repository] = []
    for repository in dict.fromkeys(Repository.of(reference) for reference in references):
        names = [_name(one, cargo.tree.root) for one in references if Repository.of(one) == repository]
        client = Client(session, repository, actions=_ACTIONS, stop=stop)
        one = _Delivery(client, cargo, progress, tuple(served))
        done = _added(done, one.run(tuple(dict.fromkeys(names))))
        served.append(repository)
    return done


def _name(reference: Reference, root: Descriptor) -> str:
    return reference.tag or root.digest


class _Delivery:
    """To one repository."""

    def __init__(self, client: Client, cargo: Cargo, progress: Progress, served: tuple[Repository, ...]) -> None:
        self._client = client
        self._cargo = cargo
        self._progress = progress
        self._served = tuple(one for one in served if one.registry == client.repository.registry)

    def run(self, names: Sequence[str]) -> dict[Outcome, int]:
        """Do what is left to do; gives the bytes of the blobs by what became of them."""
        root = self._cargo.tree.root
        self._progress.started(root.digest, "manifest", root.size)
        missing = [name for name in names if self._digest(name) != root.digest]
        whole = len(missing) < len(names) or (root.digest not in missing and self._digest(root.digest) is not None)
        trees = (*(() if whole else (self._cargo.tree,)), *self._cargo.referring)
        blobs = {blob.digest: blob for tree in trees for blob in tree.blobs}
        total: dict[Outcome, int] = {}
        for blob, outcome in self._blobs(sorted(blobs.values(), key=lambda blob: -blob.size)):
            total[outcome] = total.get(outcome, 0) + blob.size
        if whole:
            total["there"] = total.get("there", 0) + sum(blob.size for blob in self._cargo.tree.blobs)
        else:
            self._documents(self._cargo.tree.documents[:-1])
        if missing:
            self._named(missing)
        for tree in self._cargo.referring:
            self._documents(tree.documents)
        self._progress.finished(root.digest, "pushed" if missing else "there")
        return total

    def _digest(self, name: str) -> Digest | None:
        try:
            found = self._client.find(name)
        except AccessDenied:
            # Some registries deny what is not there; whether we may write is told when we do.
            return None
        return found.digest if found else None

    def _blobs(self, blobs: Sequence[Descriptor]) -> list[tuple[Descriptor, Outcome]]:
        def bring(blob: Descriptor) -> tuple[Descriptor, Outcome]:
            registry = self._client.repository.registry
            mounts = dict.fromkeys((*self._served, *self._cargo.mounts(registry, blob)))
            mounts.pop(self._client.repository, None)
            return blob, push_blob(
                self._client,
                self._cargo.source(blob),
                mounts=tuple(mounts),
                memory=self._cargo.memory,
                progress=self._progress,
            )

        return in_parallel(bring, blobs, stop=self._client.stop)

    def _documents(self, documents: Sequence[tuple[Descriptor, bytes]]) -> None:
        # In order, as some registries look for the children of an index when it comes.
        for descriptor, data in documents:
            self._progress.started(descriptor.digest, "manifest", descriptor.size)
            self._client.put_manifest(data, descriptor.media_type, descriptor.digest)
            self._progress.finished(descriptor.digest, "pushed")

    def _named(self, names: Sequence[str]) -> None:
        root, data = self._cargo.tree.documents[-1]
        for name in names:
            self._client.put_manifest(data, root.media_type, name)


def _added(done: Delivered, total: dict[Outcome, int]) -> Delivered:
    return replace(
        done,
        sent=done.sent + total.get("pushed", 0),
        mounted=done.mounted + total.get("mounted", 0),
        there=done.there + total.get("there", 0),
    )
