"""Files that a tool packed into an executable, which unpacks them when it starts."""

from dataclasses import dataclass
from typing import Final

MAX_SIZE: Final = 256 << 20
MAX_IN_ALL: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file of such an archive.

    Attributes:
        name: Its path in the archive.
        content: Unpacked.
    """

    name: str
    content: bytes
