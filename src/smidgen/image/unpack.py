"""From an image to a directory: its layers applied one on the other."""

import hashlib
import io
from pathlib import Path
from typing import BinaryIO

from smidgen.errors import DigestMismatch
from smidgen.image.image import Image
from smidgen.layer.unpack import unpack
from smidgen.oci.digest import DiffID

_DRAIN = 1 << 20


def unpack_image(image: Image, root: Path, *, preserve_owners: bool) -> None:
    """Apply the layers of a single image onto the empty directory *root*.

    Both digests of each layer are checked: that of the stored bytes and the diff_id of the tar.

    Args:
        image: A single image; see ``Image.for_platform``.
        root: An existing, empty directory.
        preserve_owners: Keep user and group ids (needs privilege); else all belongs to this process.

    Raises:
        InvalidArchive: A layer is damaged, or tries to leave *root*.
        DigestMismatch: A layer is not what the configuration says.
    """
    for layer, diff_id in zip(image.layers, image.diff_ids, strict=True):
        with image.open_layer(layer) as stream:
            tar = _Digesting(stream)
            unpack(io.BufferedReader(tar, _DRAIN), root, preserve_owners=preserve_owners)
            if (got := tar.finish()) != diff_id:
                raise DigestMismatch(want=diff_id, got=got, what=f"uncompressed layer of {image.name}")


class _Digesting(io.RawIOBase):
    """A stream that takes the digest of all that is read through it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._sha256.update(data)
        return len(data)

    def finish(self) -> DiffID:
        """Read what is left (padding after the end of the archive counts too) and give the digest."""
        while data := self._stream.read(_DRAIN):
            self._sha256.update(data)
        return DiffID("sha256:" + self._sha256.hexdigest())
