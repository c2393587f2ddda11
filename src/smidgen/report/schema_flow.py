"""``smidgen flow --json``."""

from typing import Literal

import msgspec


class FlowArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """A file or directory that a step gave.

    Attributes:
        source: Path in the image.
        path: Relative to the working directory, where it stays only with ``--keep-artifacts``.
        size: Bytes of its files.
    """

    source: str
    path: str
    size: int


class FlowStepReport(msgspec.Struct, frozen=True, kw_only=True):
    """A step.

    Attributes:
        label: Its key in the build file.
        level: When it was built: from 1, all of one level side by side.
        name: Of its image, which has that name in the end only where *tagged*.
        tagged: Whether the store knows the image by its name.
        digest: Of its manifest.
        pull_size: Bytes that a machine with nothing fetches.
        layers: How many it has.
        artifacts: What it gave.
    """

    label: str
    level: int
    name: str
    tagged: bool
    digest: str
    pull_size: int
    layers: int
    artifacts: tuple[FlowArtifact, ...]


class FlowReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        steps: In the order of the build file.
    """

    schema: Literal["smidgen.flow/v1"] = "smidgen.flow/v1"
    steps: tuple[FlowStepReport, ...]
