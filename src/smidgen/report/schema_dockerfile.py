"""``smidgen build -f --json``."""

from typing import Literal

import msgspec


class DockerfileImage(msgspec.Struct, frozen=True, kw_only=True):
    """The image of one platform.

    Attributes:
        platform: ``os/architecture[/variant]``.
        digest: Of its manifest.
        config: Digest of its configuration.
        pull_size: Bytes that a machine with nothing fetches.
        layers: How many it has.
    """

    platform: str
    digest: str
    config: str
    pull_size: int
    layers: int


class DockerfileReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        digest: Of the manifest, or of the index where there are several platforms.
        media_type: Of that document.
        tags: The names it was given.
        images: One a platform.
    """

    schema: Literal["smidgen.build-dockerfile/v1"] = "smidgen.build-dockerfile/v1"
    digest: str
    media_type: str
    tags: tuple[str, ...]
    images: tuple[DockerfileImage, ...]
