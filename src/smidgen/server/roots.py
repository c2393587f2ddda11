"""The tags of the registry: entries of the store's ``index.json``, read at each request and changed under its lock.

What is pushed by digest alone, as parts of an index are before the index, gets an entry without a name, so that
garbage collection leaves it: ``PUSHED`` marks it as ours. It goes when something with a name leads there.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

import msgspec

from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.manifest import Index
from smidgen.oci.reference import Reference
from smidgen.store import tags as tags_file
from smidgen.store.blobs import Blobs
from smidgen.store.closure import walk
from smidgen.store.content import ContentStore
from smidgen.store.locks import locked

PUSHED: Final = "dev.smidgen.pushed"


class Roots:
    """What the store keeps, and under which names."""

    def __init__(self, store: ContentStore) -> None:
        self._store = store
        # One value, as threads read and replace it without a lock.
        self._parsed: tuple[tuple[int, ...], Mapping[Reference, Descriptor]] = ((), {})

    def tags(self) -> Mapping[Reference, Descriptor]:
        """Give all tags, sorted by name; the file is parsed again only when it has been replaced."""
        try:
            status = os.stat(self._store.root / "index.json")
        except FileNotFoundError:
            return {}
        seen = status.st_ino, status.st_mtime_ns, status.st_size
        parsed = self._parsed
        if seen != parsed[0]:
            parsed = seen, {reference: entry for reference, entry in self._store.tags().items() if reference.tag}
            self._parsed = parsed
        return parsed[1]

    def tags_in(self, repository: Reference) -> dict[str, Descriptor]:
        """Give the tags of one repository, sorted."""
        name = repository.name
        return {reference.tag: entry for reference, entry in self.tags().items() if reference.name == name}

    def add(self, descriptor: Descriptor, reference: Reference | None, parts: Collection[Digest]) -> None:
        """Name *descriptor*, or keep it without a name.

        Args:
            descriptor: A stored manifest or index.
            reference: Its name with a tag; None keeps it without one.
            parts: What it leads to, which needs no entry of its own any more.
        """
        covered = {*parts, descriptor.digest} if reference else set(parts)

        def change(index: Index) -> Index:
            kept = tuple(one for one in index.manifests if not (one.digest in covered and is_pushed(one)))
            index = msgspec.structs.replace(index, manifests=kept)
            if reference is not None:
                return tags_file.changed(index, {reference: descriptor})
            if any(one.digest == descriptor.digest for one in kept):
                return index
            entry = msgspec.structs.replace(descriptor, annotations={PUSHED: "by digest"})
            return msgspec.structs.replace(index, manifests=(entry, *kept))

        self._change(change)

    def remove_tag(self, reference: Reference) -> bool:
        """Remove one tag; tells whether there was one."""
        return self._store.untag(reference)

    def remove(self, repository: Reference, digest: Digest) -> bool:
        """Remove all tags of *repository* for *digest*, and its entry without a name; tells whether there were any."""

        def goes(entry: Descriptor) -> bool:
            reference = tags_file.reference_of(entry)
            in_repository = reference is not None and reference.name == repository.name
            return entry.digest == digest and (in_repository or is_pushed(entry))

        def change(index: Index) -> Index:
            kept = tuple(entry for entry in index.manifests if not goes(entry))
            return msgspec.structs.replace(index, manifests=kept)

        return self._change(change)

    def leading_to(self, digest: Digest) -> str | None:
        """Name an image that needs *digest*, or give None where nothing does."""
        for entry in self._store.roots():
            if any(found.digest == digest for found in walk(self._store, (entry,))):
                reference = tags_file.reference_of(entry)
                return reference.familiar if reference else entry.digest
        return None

    def delete(self, digests: Iterable[Digest]) -> None:
        """Delete blobs. Nothing may lead to them, and nobody else may be writing."""
        blobs = Blobs(self._store.root)
        for digest in digests:
            blobs.delete(digest)

    def _change(self, change: Callable[[Index], Index]) -> bool:
        with locked(self._store.root / "lock"):
            index = tags_file.read_index(self._store.root)
            after = change(index)
            if after == index:
                return False
            tags_file.write_index(self._store.root, Blobs(self._store.root), after)
            return True


def is_pushed(entry: Descriptor) -> bool:
    """Tell whether an entry is there only because it was pushed by digest."""
    return PUSHED in (entry.annotations or {})
