"""What one layer of an image does to the layers below it."""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from smidgen.errors import NotFound
from smidgen.image.filetree import FileTree, whiteout_of
from smidgen.image.image import Image
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.tar_reader import Limits, read_tar

_MAX_FILES: Final = 1_000_000
_PIECE: Final = 1 << 20


class LayerChange(NamedTuple):
    """An entry of a layer.

    Attributes:
        how: ``added``; ``changed`` where a layer below has something there; ``deleted``; ``hidden``: a directory whose
            content of the layers below is hidden as a whole.
        entry: What the layer has; of what is deleted or hidden what the layers below have there, or a directory.
    """

    how: Literal["added", "changed", "deleted", "hidden"]
    entry: Entry


def layer_changes(image: Image, number: int) -> tuple[LayerChange, ...]:
    """Tell what layer *number* of a single image does, from 1 for the bottom one; sorted by path.

    Raises:
        NotFound: It has fewer layers.
        ContentError: A layer is absent or damaged.
    """
    layers = image.layers
    if not 1 <= number <= len(layers):
        raise NotFound(f"layer {number} of {image.name}", hint=f"it has {len(layers)}, counted from the bottom one, 1")
    tree = FileTree()
    for at in range(number - 1):
        tree.apply(_entries(image, at), layers[at].digest)
    changes = (_change(tree, entry) for entry in _entries(image, number - 1))
    return tuple(sorted(changes, key=lambda change: change.entry.path))


def _entries(image: Image, at: int) -> Iterator[Entry]:
    with image.open_layer(image.layers[at]) as stream:
        for member in read_tar(stream, limits=Limits(entries=_MAX_FILES)):
            yield member.entry
        # The digest is checked at the end of the stream, and a tar ends before it.
        while stream.read(_PIECE):
            pass


def _change(tree: FileTree, entry: Entry) -> LayerChange:
    hidden = whiteout_of(entry.path)
    if hidden is None:
        old = _found(tree, entry.path)
        return LayerChange("added" if old is None else "changed", entry)
    directory, name = hidden
    path = directory if name is None else f"{directory}/{name}".strip("/")
    old = _found(tree, path)
    return LayerChange(
        "hidden" if name is None else "deleted", old or Entry(path=path, kind=Kind.DIRECTORY, mode=0o755)
    )


def _found(tree: FileTree, path: str) -> Entry | None:
    try:
        return tree.find(path, follow=False).entry
    except NotFound:
        return None
