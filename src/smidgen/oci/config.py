"""Image configurations: how a container of an image is started, and what it is made of.

Source: OCI image-spec v1.1.1, ``config.md``. ``Healthcheck``, ``OnBuild`` and ``Shell`` are Docker's
additions ("Docker Image Specification v1.2"), which the OCI text reserves.

A configuration that was fetched may hold fields that are not listed here; they are lost when a new
image is derived from it, as with every other builder, and kept when the image is only moved.
"""

from typing import Annotated, Literal

import msgspec

from smidgen.errors import InvalidContent, LimitExceeded
from smidgen.oci.digest import DiffIDField
from smidgen.oci.manifest import MAX_DOCUMENT
from smidgen.oci.platform import Platform

_Nanoseconds = Annotated[int, msgspec.Meta(ge=0)]


class Healthcheck(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """How an engine asks whether the container is well. Times are in nanoseconds, 0 means the engine's default."""

    test: tuple[str, ...] | None = None
    interval: _Nanoseconds = 0
    timeout: _Nanoseconds = 0
    start_period: _Nanoseconds = 0
    start_interval: _Nanoseconds = 0
    retries: Annotated[int, msgspec.Meta(ge=0)] = 0


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """The ``config`` object: what a container is started with.

    Attributes:
        env: ``NAME=VALUE``, in order; a name stands once.
        exposed_ports: ``8080/tcp`` → {}. A set, written as an object.
        volumes: Path → {}. A set, written as an object.
    """

    user: str = ""
    exposed_ports: dict[str, dict[str, str]] | None = None
    env: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    volumes: dict[str, dict[str, str]] | None = None
    working_dir: str = ""
    labels: dict[str, str] | None = None
    stop_signal: str = ""
    args_escaped: bool = False
    healthcheck: Healthcheck | None = None
    on_build: tuple[str, ...] | None = None
    shell: tuple[str, ...] | None = None


class RootFS(msgspec.Struct, frozen=True, kw_only=True):
    """The layers, bottom first, by the digests of their uncompressed bytes."""

    type: Literal["layers"]
    diff_ids: tuple[DiffIDField, ...]


class History(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What made a layer, or, with ``empty_layer``, what changed the configuration alone."""

    created: str | None = None
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


class ImageConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole document. ``created`` is RFC 3339 in UTC."""

    created: str | None = None
    author: str = ""
    architecture: str
    os: str
    os_version: str = msgspec.field(default="", name="os.version")
    os_features: tuple[str, ...] = msgspec.field(default=(), name="os.features")
    variant: str = ""
    config: RunConfig | None = None
    rootfs: RootFS
    history: tuple[History, ...] | None = None

    @property
    def platform(self) -> Platform:
        """What the image runs on, in its normal form."""
        return Platform(
            architecture=self.architecture,
            os=self.os,
            os_version=self.os_version,
            os_features=self.os_features,
            variant=self.variant,
        ).normalized()

    @property
    def run(self) -> RunConfig:
        """The ``config`` object, empty where the document has none."""
        return self.config or RunConfig()


def encode_config(config: ImageConfig) -> bytes:
    """Render *config* to its canonical bytes: fields as declared, sets and maps sorted, no white space."""
    return msgspec.json.encode(config, order="deterministic")


def decode_config(data: bytes) -> ImageConfig:
    """Parse the bytes of an image configuration.

    Raises:
        InvalidContent: Not a configuration; the reason has the JSON path.
        LimitExceeded: Larger than ``MAX_DOCUMENT``.
    """
    if len(data) > MAX_DOCUMENT:
        raise LimitExceeded("size of the image configuration in bytes", limit=MAX_DOCUMENT, got=len(data))
    try:
        return msgspec.json.decode(data, type=ImageConfig)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidContent("image configuration", str(error)) from error
