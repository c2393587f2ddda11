"""Descriptors: typed pointers to content.

Source: OCI image-spec v1.1.1, ``descriptor.md``.
This module does no I/O; ``smidgen.store`` and ``smidgen.registry`` move the bytes.
"""

from typing import Annotated, Self

import msgspec

from smidgen.errors import DigestMismatch, SizeMismatch
from smidgen.oci.digest import DigestField, sha256
from smidgen.oci.platform import Platform


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where a blob is, and how to know it is the right one.

    Attributes:
        media_type: What the bytes are; never guessed from the bytes.
        digest: Digest of the bytes as stored, so of the *compressed* layer.
        size: Length of the bytes as stored, in bytes.
        platform: In an index only: what the manifest runs on.
        annotations: Free text for humans and tools.
        artifact_type: For a manifest that is no image, what it is.
        urls: Other places to fetch it from; never followed.
        data: The content itself, base64, for tiny blobs; never trusted.
    """

    media_type: str
    digest: DigestField
    size: Annotated[int, msgspec.Meta(ge=0)]
    platform: Platform | None = None
    annotations: dict[str, str] | None = None
    artifact_type: str | None = None
    urls: tuple[str, ...] | None = None
    data: str | None = None

    @classmethod
    def of(cls, data: bytes, *, media_type: str) -> Self:
        """Describe *data* as it would be stored."""
        return cls(media_type=media_type, digest=sha256(data), size=len(data))

    def verify(self, data: bytes) -> None:
        """Check that *data* is exactly the content described.

        Raises:
            SizeMismatch: The length differs; checked first, as it is free.
            DigestMismatch: The length agrees but the digest does not.
        """
        if len(data) != self.size:
            raise SizeMismatch(want=self.size, got=len(data))
        if (got := sha256(data)) != self.digest:
            raise DigestMismatch(want=self.digest, got=got)
