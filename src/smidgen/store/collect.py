"""Garbage collection: mark what the tags lead to, sweep the rest.

The caller holds the store's lease and lock exclusively, so nobody writes meanwhile. A collection
that is killed half way must leave no document whose parts are gone, as a build would take that
document for a whole image; so parents are deleted before their children.
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from smidgen.errors import DigestMismatch, NotFound, SizeMismatch
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest, sha256
from smidgen.oci.manifest import MAX_DOCUMENT
from smidgen.store.blobs import CHUNK, Blobs
from smidgen.store.closure import Document, read_document, walk
from smidgen.store.content import ContentStore
from smidgen.store.faults import reporting
from smidgen.store.partial import sweep_partial
from smidgen.store.snapshots import Snapshots, own_domain

_MAX_CACHED = 1 << 20
# What was cached for arguments and environments that do not come again would else stay for ever. Seconds.
_MAX_AGE = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection deleted, or would delete.

    Attributes:
        blobs: Digests of what no tag leads to.
        size: Bytes that these took.
        damaged: Digests of what a tag leads to but is not what its digest says; looked for on request.
        abandoned: Bytes of half-written files of writers that died; 0 in a dry run.
    """

    blobs: tuple[Digest, ...]
    size: int
    damaged: tuple[Digest, ...] = ()
    abandoned: int = 0


class _Cached(msgspec.Struct, frozen=True):
    descriptor: Descriptor


def collect(store: ContentStore, blobs: Blobs, *, dry_run: bool, verify: bool, builds: bool = False) -> Collected:
    """Do the work of ``ContentStore.gc``, which see."""
    there = blobs.digests()
    live = {found.digest: found for found in walk(store, store.roots())}
    documents = _documents(blobs, there, live)
    _add_referrers(store, live, documents)
    garbage = _parents_first([digest for digest in there if digest not in live], documents)
    damaged = tuple(found.digest for found in live.values() if _is_damaged(store, found)) if verify else ()
    abandoned = 0
    if not dry_run:
        abandoned = blobs.sweep_ingest() + sweep_partial(f"{store.root}/partial")
        for digest in (*garbage, *damaged):
            blobs.delete(digest)
        _prune_cache(store)
        Snapshots(store.root, own_domain().name).collect(unused_for=0 if builds else _MAX_AGE)
    return Collected(tuple(garbage), sum(there[digest] for digest in garbage), damaged, abandoned)


def _documents(blobs: Blobs, there: dict[Digest, int], live: dict[Digest, Descriptor]) -> dict[Digest, Document]:
    """Read the manifests and indexes among what was not marked; their media types are unknown."""
    found: dict[Digest, Document] = {}
    for digest, size in there.items():
        if digest in live or size > MAX_DOCUMENT:
            continue
        path = blobs.path(digest)
        with reporting("read", path), open(path, "rb") as file:
            # Documents are objects; this spares reading small layers whole.
            data = file.read(1)
            data = data + file.read() if data == b"{" else b""
        # Digests also make sure that no document leads to itself.
        if sha256(data) == digest and (document := read_document(data)) is not None:
            found[digest] = document
    return found


def _add_referrers(store: ContentStore, live: dict[Digest, Descriptor], documents: dict[Digest, Document]) -> None:
    """Mark what speaks of something live (a signature, a list of parts), and what that leads to, and so on."""
    while True:
        found = [
            digest
            for digest, document in documents.items()
            if document.subject is not None and document.subject.digest in live and digest not in live
        ]
        if not found:
            return
        for digest in found:
            size = store.stat(digest) or 0
            live[digest] = Descriptor(media_type="", digest=digest, size=size)
            live.update((child.digest, child) for child in walk(store, documents[digest].children))


def _parents_first(garbage: list[Digest], documents: dict[Digest, Document]) -> list[Digest]:
    from graphlib import TopologicalSorter  # for collections only

    order: TopologicalSorter[Digest] = TopologicalSorter(dict.fromkeys(sorted(garbage), ()))
    known = set(garbage)
    for digest in sorted(known & documents.keys()):
        for child in documents[digest].children:
            if child.digest in known:
                order.add(child.digest, digest)
    return list(order.static_order())


def _is_damaged(store: ContentStore, descriptor: Descriptor) -> bool:
    try:
        with store.open_blob(descriptor) as stream:
            while stream.read(CHUNK):
                pass
    except NotFound:
        return False
    except (SizeMismatch, DigestMismatch):
        return True
    return False


def _prune_cache(store: ContentStore) -> None:
    """Delete cached facts about blobs that are gone (objects with the blob's ``descriptor``), and all that is old."""
    oldest = time.time() - _MAX_AGE
    for directory, _, names in os.walk(store.root / "cache"):
        for name in names:
            path = Path(directory, name)
            with reporting("delete", path), suppress(FileNotFoundError):
                status = path.stat()
                if status.st_mtime < oldest or (status.st_size <= _MAX_CACHED and _is_stale(store, path)):
                    path.unlink()


def _is_stale(store: ContentStore, path: Path) -> bool:
    with path.open("rb") as file:
        data = file.read(1)
        data += file.read() if data == b"{" else b""
    try:
        return not store.has(msgspec.json.decode(data, type=_Cached).descriptor)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
