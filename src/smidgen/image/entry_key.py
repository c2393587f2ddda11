"""A key for entries whose content is on disk: what a layer of them would be, without packing it."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from smidgen.layer.entry import Entry

_BUFFER = 1 << 20


def entries_key(entries: Iterable[Entry]) -> str:
    """Name *entries* beyond doubt: equal keys give equal layers.

    Every source file is read once; a digest runs about as fast as the disk.

    Raises:
        OSError: A source cannot be read.
    """
    whole = hashlib.sha256()
    for entry in entries:
        content = content_digest(entry.source) if entry.source is not None else ""
        facts = (
            entry.path,
            entry.kind.value,
            entry.mode,
            entry.uid,
            entry.gid,
            entry.mtime,
            entry.link,
            entry.size,
            entry.xattrs,
            entry.device,
            content,
        )
        # repr quotes texts and bytes, so that no two different facts give the same line.
        whole.update(repr(facts).encode("utf-8", "surrogateescape") + b"\n")
    return whole.hexdigest()


def content_digest(source: bytes | Path | str) -> str:
    """Give the SHA-256 of a file's content, or of the bytes held, in hex."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    digest = hashlib.sha256()
    buffer = bytearray(_BUFFER)
    view = memoryview(buffer)
    with open(source, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(view[:count])
    return digest.hexdigest()
