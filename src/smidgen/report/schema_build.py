"""The shape of ``smidgen build --json``: one object a build, stable within a ``schema`` value.

Sizes are in bytes. ``size`` is what a file system holds (uncompressed), ``pull_size`` what travels.
"""

from typing import Literal

import msgspec

from smidgen.report.schema_proof import ProofReport


class NeedResult(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the program needs at run time, or may need.

    Attributes:
        kind: ``ca``, ``tz``, ``passwd``, ``tmp``, ``resolver``, ``mime``.
        included: Whether the image has it.
        confidence: ``certain``, ``likely`` or ``possible``; ``asked`` where the user said so.
        symbol: The linked function that proves it, or empty.
        reason: One sentence for people.
        origin: Who decided: ``detected``, ``asked``, ``refused``, ``base`` where the base has it.
    """

    kind: str
    included: bool
    confidence: str
    symbol: str
    reason: str
    origin: str


class LayerResult(msgspec.Struct, frozen=True, kw_only=True):
    """A layer, bottom first.

    Attributes:
        pull_size: Bytes as stored.
        size: Bytes of the uncompressed tar.
        of_base: Whether it is the base's.
    """

    created_by: str
    digest: str
    diff_id: str
    media_type: str
    pull_size: int
    size: int
    of_base: bool


class BaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an image stands on.

    Attributes:
        name: As people write it.
        digest: Of the base's manifest for the platform.
    """

    name: str
    digest: str


class PlatformResult(msgspec.Struct, frozen=True, kw_only=True):
    """The image for one platform.

    Attributes:
        binary_size: Bytes of the executable.
        go_version: Such as ``go1.26.8``; empty for what is no Go program.
        base: Or null for an image from scratch.
    """

    platform: str
    digest: str
    pull_size: int
    size: int
    binary_size: int
    go_version: str
    layers: tuple[LayerResult, ...]
    needs: tuple[NeedResult, ...]
    base: BaseResult | None


class ImageResult(msgspec.Struct, frozen=True, kw_only=True):
    """One image, or one index of images.

    Attributes:
        reference: ``NAME:TAG@DIGEST``, as on standard output.
        tags: All names it was given.
        target: What was built.
        cached: True where nothing had changed and the compiler was not started.
        warnings: Sentences for people, of all platforms and of the configuration.
        notes: Sentences for people, of what is good to know.
    """

    reference: str
    digest: str
    media_type: str
    tags: tuple[str, ...]
    target: str
    cached: bool
    pull_size: int
    size: int
    platforms: tuple[PlatformResult, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()


class PushResult(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--push`` came to, of all images together; each is in its registries under all its names.

    Attributes:
        sent: Bytes that travelled.
        moved: How many blobs and documents travelled.
        mounted: How many blobs a registry had in another repository.
        there: How many blobs and documents were there already.
        seconds: Wall time of the push.
    """

    sent: int
    moved: int
    mounted: int
    there: int
    seconds: float


class BuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        seconds: Wall time of the build.
        proofs: One for each image that was run, in their order: with ``--prove``, and for programs with C.
        push: With ``--push``, else null.
    """

    schema: Literal["smidgen.build/v1"] = "smidgen.build/v1"
    images: tuple[ImageResult, ...]
    seconds: float
    proofs: tuple[ProofReport, ...] = ()
    push: PushResult | None = None
