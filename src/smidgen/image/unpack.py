"""From an image to a directory: its layers applied one on the other."""

from pathlib import Path

from smidgen.image.image import Image
from smidgen.layer.digesting import Digesting
from smidgen.layer.unpack import unpack


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
            tar = Digesting(stream)
            unpack(tar.buffered(), root, preserve_owners=preserve_owners)
            tar.check(diff_id, what=f"uncompressed layer of {image.name}")
