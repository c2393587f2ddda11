"""Where an image is, or is to go: the names of transports that skopeo made customary.

::

    docker://REF                 a registry
    oci:DIRECTORY[:NAME]         an image layout; also oci:DIRECTORY@sha256:DIGEST as a source
    oci-archive:FILE[:NAME]      one in a tar
    docker-archive:FILE[:REF]    what `docker save` writes
    docker-daemon:REF            the images of a Docker engine
    REF                          the store, or a registry, as the command has it

Source: containers-transports(5) of containers/image.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from smidgen.errors import UsageError
from smidgen.oci.digest import Digest
from smidgen.oci.reference import Reference
from smidgen.oci.transport import parse_registry_name, split_path

_SUPPORTED: Final = "docker://, oci:, oci-archive:, docker-archive: and docker-daemon:"
_REFUSED: Final = {
    "containers-storage": "write docker-archive:FILE and read it with `podman load`, or push to a registry",
    "dir": "oci:DIRECTORY writes a directory that other tools read, too",
    "ostree": f"supported are {_SUPPORTED}",
    "sif": f"supported are {_SUPPORTED}",
    "tarball": f"supported are {_SUPPORTED}",
}
_DIGEST_END: Final = re.compile(r"@(sha256:[a-f0-9]{64})\Z")
_IMAGE_ID: Final = re.compile(r"^(?:sha256:)?[a-f0-9]{64}\Z")


@dataclass(frozen=True, slots=True)
class Stored:
    """An image of the content store.

    Attributes:
        name: As ``Image.resolve`` takes it; as a destination ``NAME[:TAG]``.
    """

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Remote:
    """An image of a registry.

    Attributes:
        reference: With a tag or a digest.
    """

    reference: Reference

    def __str__(self) -> str:
        return f"docker://{self.reference}"


@dataclass(frozen=True, slots=True)
class LayoutDirectory:
    """An image of an OCI image layout.

    Attributes:
        name: Its ``org.opencontainers.image.ref.name``, or empty.
        digest: Or None; for a source only.
    """

    path: Path
    name: str = ""
    digest: Digest | None = None

    def __str__(self) -> str:
        return f"oci:{self.path}{_after(self.name)}{f'@{self.digest}' if self.digest else ''}"


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """An image of an archive.

    Attributes:
        form: Whose names it has: an OCI layout's, or Docker's.
        name: Or empty.
    """

    form: Literal["oci", "docker"]
    path: Path
    name: str = ""

    def __str__(self) -> str:
        return f"{self.form}-archive:{self.path}{_after(self.name)}"


@dataclass(frozen=True, slots=True)
class DaemonImage:
    """An image of a Docker engine.

    Attributes:
        name: ``NAME:TAG``, or an image's ID (the digest of its configuration) for a source; empty for a
            destination that takes the source's name.
    """

    name: str

    def __str__(self) -> str:
        return f"docker-daemon:{self.name}"


Endpoint: TypeAlias = Stored | Remote | LayoutDirectory | ArchiveFile | DaemonImage


def parse_endpoint(text: str, *, default: Literal["store", "registry"]) -> Endpoint:
    """Parse ``[TRANSPORT:]NAME``.

    Args:
        text: As on a command line.
        default: What a name without a transport means.

    Raises:
        UsageError: A transport that is not supported, or without what must follow it.
        InvalidReference: The name is none.
    """
    transport, colon, rest = text.partition(":")
    if colon and transport in _REFUSED:
        raise UsageError(f"{text!r}: the transport {transport}: is not supported", hint=_REFUSED[transport])
    if colon and transport in _PARSERS:
        return _PARSERS[transport](text, rest)
    # A name in the store has no "//": what has one is a registry's, or a mistake that is told.
    if default == "registry" or "://" in text:
        return Remote(parse_registry_name(text).with_default_tag())
    return Stored(text)


def _layout(text: str, rest: str) -> LayoutDirectory:
    digest = None
    if match := _DIGEST_END.search(rest):
        digest, rest = Digest(match[1]), rest[: match.start()]
    path, name = split_path(text, rest)
    if digest and name:
        raise UsageError(f"{text!r} has a name and a digest", hint="give one of the two")
    return LayoutDirectory(Path(path), name, digest)


def _oci_archive(text: str, rest: str) -> ArchiveFile:
    path, name = split_path(text, rest)
    return ArchiveFile("oci", Path(path), name)


def _docker_archive(text: str, rest: str) -> ArchiveFile:
    path, name = split_path(text, rest)
    return ArchiveFile("docker", Path(path), str(Reference.parse(name).with_default_tag()) if name else "")


def _daemon(_text: str, name: str) -> DaemonImage:
    if not name:
        return DaemonImage("")
    if _IMAGE_ID.match(name):
        return DaemonImage(name if name.startswith("sha256:") else f"sha256:{name}")
    return DaemonImage(Reference.parse(name).with_default_tag().familiar)


def _after(name: str) -> str:
    return f":{name}" if name else ""


_PARSERS: Final[Mapping[str, Callable[[str, str], Endpoint]]] = {
    "oci": _layout,
    "oci-archive": _oci_archive,
    "docker-archive": _docker_archive,
    "docker-daemon": _daemon,
}
