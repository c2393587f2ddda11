"""Directories and files of the host that a container sees: ``SRC:DST[:ro]`` as docker writes it."""

import os
from dataclasses import dataclass

from smidgen.errors import SandboxError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What is shown where.

    Attributes:
        source: Absolute path of the host.
        target: Absolute path in the container.
        read_only: Whether the container may only read it.
    """

    source: str
    target: str
    read_only: bool = False

    @classmethod
    def parse(cls, text: str) -> "Volume":
        """Parse what follows ``-v``; a source may be relative to the working directory.

        Raises:
            UsageError: Another form, or docker's named volumes, which need a place to be kept.
        """
        source, colon, rest = text.partition(":")
        target, _, option = rest.partition(":")
        if not colon or not source or not target.startswith("/") or option not in {"", "ro", "rw"}:
            raise UsageError(f"invalid volume {text!r}", hint="expected SRC:/DST[:ro], such as ./data:/data:ro")
        if "/" not in source and source not in {".", ".."}:
            raise UsageError(
                f"invalid volume {text!r}: {source!r} would be a named volume, which smidgen does not keep",
                hint=f"give a directory: ./{source}:{target}",
            )
        return cls(source=os.path.abspath(source), target=target, read_only=option == "ro")

    def check(self) -> None:
        """Make sure that the source is there.

        Raises:
            SandboxError: It is not; it is never made, as a typing error would go unseen.
        """
        if not os.path.exists(self.source):
            raise SandboxError(f"cannot show {self.source} at {self.target}: no such file or directory")
