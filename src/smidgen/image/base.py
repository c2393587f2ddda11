"""Bases: images that others stand on.

What is made on a base has a manifest of OCI's type, whatever the base has: the layers are the same bytes with the same
digests, and their media types are OCI's names for the same formats, as a manifest must not mix the two families.

Source: OCI image-spec v1.1.1, ``manifest.md`` (media types of layers) and ``annotations.md`` (``base.name``,
``base.digest``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from smidgen.errors import InvalidContent, NotFound
from smidgen.image.image import Image
from smidgen.oci.config import History, RunConfig
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import DiffID, Digest
from smidgen.oci.media_types import (
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    DOCKER_LAYER_ZSTD,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
)
from smidgen.oci.platform import Platform

BASE_NAME: Final = "org.opencontainers.image.base.name"
BASE_DIGEST: Final = "org.opencontainers.image.base.digest"

_OCI_TYPES: Final = {
    DOCKER_LAYER: OCI_LAYER,
    DOCKER_LAYER_GZIP: OCI_LAYER_GZIP,
    DOCKER_LAYER_ZSTD: OCI_LAYER_ZSTD,
    OCI_LAYER: OCI_LAYER,
    OCI_LAYER_GZIP: OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD: OCI_LAYER_ZSTD,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImage:
    """A base for one platform: what another image takes from it.

    Attributes:
        name: What people call the base.
        reference: What the annotation ``base.name`` says; empty where no registry has it.
        image: A single image.
        run: What a container of it is started with.
        layers: Bottom first, with OCI's media types.
        diff_ids: Of the layers.
        history: Of the layers: as many entries that are no ``empty_layer`` as there are layers.
    """

    name: str
    reference: str
    image: Image
    run: RunConfig
    layers: tuple[Descriptor, ...]
    diff_ids: tuple[DiffID, ...]
    history: tuple[History, ...]

    @classmethod
    def of(cls, image: Image, *, name: str, reference: str = "") -> "BaseImage":
        """Read the documents of a single image; its layers need not be stored.

        Raises:
            ContentError: A document is absent or damaged, or a layer is of a kind that no other image can have.
        """
        manifest, config = image.manifest, image.config
        diff_ids = config.rootfs.diff_ids
        if len(diff_ids) != len(manifest.layers):
            raise InvalidContent(
                f"base {name}", f"{len(manifest.layers)} layers in the manifest, {len(diff_ids)} in the configuration"
            )
        return cls(
            name=name,
            reference=reference,
            image=image,
            run=config.run,
            layers=tuple(as_oci(layer, name) for layer in manifest.layers),
            diff_ids=diff_ids,
            history=_whole_history(config.history or (), len(diff_ids), name),
        )

    @property
    def annotations(self) -> Mapping[str, str]:
        """What the manifest of an image that stands on it says of it."""
        return base_annotations(self.reference, self.image.digest)


def base_annotations(reference: str, digest: Digest) -> dict[str, str]:
    """Give the annotations that say what an image, or an index of images, stands on."""
    return {BASE_DIGEST: digest} | ({BASE_NAME: reference} if reference else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base, perhaps for several platforms.

    Attributes:
        name: What people call it.
        reference: See ``BaseImage``.
        image: A manifest or an index; only what was asked for of it need be stored.
        decided_by: Files that decided which image this is, beside the store's index; None where more than files did.
        warnings: What the user must be told of it, in sentences.
    """

    name: str
    reference: str = ""
    image: Image
    decided_by: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()

    def pick(self, platform: Platform) -> Image:
        """Give the single image for *platform*, or for the highest lower variant of it.

        Raises:
            NotFound: There is none; the hint has those there are.
        """
        try:
            return self.image.for_platform(platform)
        except NotFound as error:
            there = ", ".join(dict.fromkeys(map(str, self.image.platforms))) or "none"
            raise NotFound(
                f"platform {platform} in the base {self.name}",
                hint=f"it has {there}: build for those with --platform, or choose another base",
            ) from error

    def for_platform(self, platform: Platform) -> BaseImage:
        """Give what an image for *platform* takes from it.

        Raises:
            NotFound: It has no image for that platform.
            ContentError: A document is absent or damaged.
        """
        return BaseImage.of(self.pick(platform), name=self.name, reference=self.reference)


def as_oci(layer: Descriptor, name: str) -> Descriptor:
    """Give *layer* with OCI's media type for the same format.

    Raises:
        InvalidContent: It has none.
    """
    media_type = _OCI_TYPES.get(layer.media_type)
    if media_type is None:
        raise InvalidContent(
            name,
            f"layer {layer.digest} is {layer.media_type}, which no other image can be made of",
            hint=f"expected one of {', '.join(sorted(set(_OCI_TYPES)))}",
        )
    return msgspec.structs.replace(layer, media_type=media_type, urls=None, data=None, platform=None)


def _whole_history(history: tuple[History, ...], layers: int, name: str) -> tuple[History, ...]:
    """Give a line for each layer: some builders write fewer, and engines then count ours for theirs."""
    said = sum(not one.empty_layer for one in history)
    if said > layers:
        history, said = (), 0
    return (*history, *(History(comment=f"layer of {name}") for _ in range(layers - said)))
