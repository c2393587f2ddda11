r"""The shape of ``smidgen waste --json``: stable within a ``schema`` value.

Sizes are in bytes. Layers are numbered from 1, the bottom one, as on the terminal. Texts that are no UTF-8 in an image
have ``\xNN`` in their place.
"""

from typing import Literal

import msgspec


class LayerUse(msgspec.Struct, frozen=True, kw_only=True):
    """A layer, bottom first.

    Attributes:
        created_by: What made it, as the image's history says; may be empty.
        size: Of the uncompressed tar.
        pull_size: Of what is stored and travels.
        files: How many files with content it brings; several names of one file count once.
        content: Bytes of these files.
        wasted: Those of them that no container can read.
    """

    number: int
    digest: str
    diff_id: str
    created_by: str
    size: int
    pull_size: int
    files: int
    content: int
    wasted: int


class WastedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Files that one layer brought and another took away.

    Attributes:
        path: The file that was replaced, or the file or directory that was deleted or hidden.
        files: How many files.
        size: Their bytes.
        made: The layer that brought them.
        lost: The layer that took them away; the same one where it brings a path twice.
        how: ``replaced`` by another, ``deleted``, or ``opaque``: a directory with all that was in it was hidden.
        same_content: Whether it was replaced by the same content, so that only owner, mode or time changed.
    """

    path: str
    files: int
    size: int
    made: int
    lost: int
    how: Literal["replaced", "deleted", "opaque"]
    same_content: bool


class WasteReport(msgspec.Struct, frozen=True, kw_only=True):
    """``smidgen waste --json``.

    Attributes:
        size: Of the uncompressed layers.
        pull_size: Of manifest, configuration and layers as they are stored.
        content: Bytes of all files of all layers.
        wasted: Those of them that no container can read.
        wasted_pull: What these take as they are stored; estimated from their share of each layer.
        efficiency: The share of the content that a container can read, from 0 to 1.
        groups: What is wasted, the largest first.
    """

    schema: Literal["smidgen.waste/v1"] = "smidgen.waste/v1"
    name: str
    digest: str
    platform: str
    size: int
    pull_size: int
    content: int
    wasted: int
    wasted_pull: int
    efficiency: float
    layers: tuple[LayerUse, ...]
    groups: tuple[WastedFiles, ...]
