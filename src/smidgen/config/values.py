"""The small languages of options: users, ports, durations, health checks, files to add.

Each ``parse_*`` function takes what a user wrote, on the command line or in a file, and gives a typed value.
They know nothing of where the text stood; :mod:`smidgen.config.place` adds that to their errors.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from smidgen.errors import InvalidPlatform, UsageError
from smidgen.oci.platform import Platform

NEEDS: Final = ("ca", "tz", "passwd", "tmp", "resolver", "mime")
SUPPORTED_PLATFORMS: Final = (
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/386",
    "linux/riscv64",
    "linux/ppc64le",
    "linux/s390x",
)
#: What Go can compile for on linux; a misspelt architecture is then said where it stands, before anything is started.
ARCHITECTURES: Final = (
    *("386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le"),
    *("mipsle", "ppc64", "ppc64le", "riscv64", "s390x"),
)
NOBODY: Final = 65534
_MAX_ID: Final = 2**32 - 2  # (uid_t) -1 means "leave it" to chown
_USER_NAME = re.compile(r"^[a-z_][a-z0-9_-]{0,31}\Z")
_ENV_NAME = re.compile(r"^[^=\0\s]+\Z")
_SIGNAL = re.compile(r"^(?:SIG)?(?:[A-Z][A-Z0-9]{1,9}(?:[+-][0-9]{1,2})?)\Z")
_PORTS = re.compile(r"^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/([a-z]+))?\Z")
_ZONE = re.compile(r"^[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}\Z")
_MODE = re.compile(r"^0?o?[0-7]{3,4}\Z")
_NAME = re.compile(r"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who the program runs as. The image's configuration always gets numbers, so that runAsNonRoot can be checked.

    Attributes:
        uid: The user's number.
        gid: The group's number.
        name: A name that the image's passwd and group must then have, or empty.
    """

    uid: int = NOBODY
    gid: int = NOBODY
    name: str = ""

    @property
    def text(self) -> str:
        """Give ``UID:GID``, as the image's configuration has it."""
        return f"{self.uid}:{self.gid}"

    def __str__(self) -> str:
        """Give the form that ``parse_user`` reads."""
        return f"{self.name}:{self.text}" if self.name else self.text


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """A port that the program listens on."""

    number: int
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"

    def __str__(self) -> str:
        """Give ``8080/tcp``, as the image's configuration has it."""
        return f"{self.number}/{self.protocol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddSpec:
    """Files to put into the image.

    Attributes:
        source: A path or a glob (``*``, ``?``, ``[...]``, ``**``), as it was written.
        root: The directory that a relative *source* is relative to.
        destination: Absolute path in the image; with a final ``/`` it is a directory to put the files in.
        mode: Permission bits of the files, or None to take them from the files.
        uid: Owner's number.
        gid: Group's number.
    """

    source: str
    root: Path
    destination: str
    mode: int | None = None
    uid: int = 0
    gid: int = 0

    @property
    def pattern(self) -> Path:
        """Give the absolute path or glob."""
        return self.root / self.source

    def __str__(self) -> str:
        """Give the form that ``parse_add`` reads."""
        owner = f":{self.uid}:{self.gid}" if (self.uid, self.gid) != (0, 0) else ""
        mode = f":{self.mode:04o}" if self.mode is not None else ":" if owner else ""
        return f"{self.source}:{self.destination}{mode}{owner}"
