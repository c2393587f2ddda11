"""Takes single files out of an image's layers, to have them read as files."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from smidgen.image.filetree import Content, Node
from smidgen.image.image import Image
from smidgen.layer.tar_reader import Limits, Member, read_tar

_PIECE: Final = 1 << 20
_MAX_FILES: Final = 1_000_000


def extract(image: Image, nodes: Iterable[Node], directory: Path) -> dict[bytes, Path]:
    """Write the content of *nodes* to files of *directory*.

    Args:
        image: The single image that they are of.
        nodes: Files whose content has a digest, as ``read_content`` gives them.
        directory: Where to; nothing but these files is written.

    Returns:
        Digest → file, named by the digest.

    Raises:
        ContentError: A layer is absent or damaged.
        OSError: *directory* cannot be written.
    """
    wanted: dict[int, dict[bytes, Content]] = {}
    for node in nodes:
        if node.content is not None and node.content.digest:
            wanted.setdefault(node.content.depth, {})[node.content.digest] = node.content
    found: dict[bytes, Path] = {}
    for depth, contents in wanted.items():
        missing = {digest: content.size for digest, content in contents.items() if digest not in found}
        with image.open_layer(image.layers[depth]) as stream:
            for member in read_tar(stream, limits=Limits(entries=_MAX_FILES)):
                if not missing:
                    break
                # A path may lead through links, so that a file is known by its content.
                if member.entry.size in missing.values():
                    digest, path = _written(member, directory)
                    if missing.pop(digest, None) is not None:
                        found[digest] = path.rename(directory / digest.hex())
    return found


def _written(member: Member, directory: Path) -> tuple[bytes, Path]:
    sha256 = hashlib.sha256()
    path = directory / "extracting"
    with path.open("wb") as file:
        while data := member.read(_PIECE):
            sha256.update(data)
            file.write(data)
    return sha256.digest(), path
