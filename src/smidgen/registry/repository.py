"""Where images of one name are: a registry and a path in it."""

from dataclasses import dataclass
from typing import Final, Self

from smidgen.oci.reference import Reference

#: The hosts that mean Docker Hub. Its API answers at the second, and credentials are kept under the third.
HUB: Final = "docker.io"
HUB_ENDPOINT: Final = "registry-1.docker.io"
HUB_INDEX: Final = "index.docker.io"


@dataclass(frozen=True, slots=True)
class Repository:
    """A path in a registry.

    Attributes:
        registry: Host and perhaps port, such as ``docker.io`` or ``127.0.0.1:5000``.
        name: Path, such as ``library/alpine``; empty where the registry itself is meant.
    """

    registry: str
    name: str

    @classmethod
    def of(cls, reference: Reference) -> Self:
        """Give the repository of *reference*."""
        return cls(reference.registry, reference.repository)

    def __str__(self) -> str:
        """Render ``registry/name``."""
        return f"{self.registry}/{self.name}" if self.name else self.registry
