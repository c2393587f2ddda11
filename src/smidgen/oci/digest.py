"""Digests of stored bytes and of uncompressed layers.

Source: OCI image-spec v1.1.1, ``descriptor.md`` (digests) and ``config.md`` (DiffID, ChainID).
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, NewType

import msgspec

from smidgen.errors import InvalidContent

# Both are "sha256:<64 hex>", but a DiffID names uncompressed bytes and is never
# a key into a content store. NewType makes mixing them up a type error.
Digest = NewType("Digest", str)
DiffID = NewType("DiffID", str)

_PATTERN = r"^sha256:[a-f0-9]{64}\Z"
_DIGEST = re.compile(_PATTERN)

#: Field types for Structs: decoding checks the form.
DigestField = Annotated[Digest, msgspec.Meta(pattern=_PATTERN)]
DiffIDField = Annotated[DiffID, msgspec.Meta(pattern=_PATTERN)]


def sha256(data: bytes | memoryview) -> Digest:
    """Digest *data*."""
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def parse_digest(text: str) -> Digest:
    """Check that *text* is ``sha256:`` and 64 lower-case hex digits.

    Raises:
        InvalidContent: It is not; no other algorithm is used in images today.
    """
    if not _DIGEST.match(text):
        raise InvalidContent("digest", f"{text!r} is not sha256:<64 lower-case hex digits>")
    return Digest(text)


def encoded(digest: Digest | DiffID) -> str:
    """Give the 64 hex digits without the algorithm."""
    return digest[7:]


def chain_id(diff_ids: Iterable[DiffID]) -> Digest | None:
    """Name the file system that applying *diff_ids* in order gives; None for no layers."""
    chain: Digest | None = None
    for diff_id in diff_ids:
        chain = Digest(diff_id) if chain is None else sha256(f"{chain} {diff_id}".encode())
    return chain
