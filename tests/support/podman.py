"""Podman with storage of its own, so that tests neither see each other's images nor the developer's."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.command import must

# Podman asks for limits that a container without CAP_SYS_RESOURCE may not set.
_LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=256:256")


@dataclass(frozen=True)
class Podman:
    """``podman`` on a storage directory."""

    root: Path

    @property
    def command(self) -> tuple[str, ...]:
        """``podman`` with the options that keep it to its directory, and to what this machine has."""
        storage = ("--root", f"{self.root}/root", "--runroot", f"{self.root}/run", "--storage-driver", "vfs")
        return ("podman", *storage, "--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "none")

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make any ``podman`` use this storage."""
        settings = self.root / "storage.conf"
        directories = f'graphroot = "{self.root}/root"\nrunroot = "{self.root}/run"\n'
        settings.write_text(f'[storage]\ndriver = "vfs"\n{directories}')
        return {"CONTAINERS_STORAGE_CONF": str(settings)}

    def __call__(self, *arguments: str | Path) -> str:
        """Run ``podman ARGUMENTS``, which must succeed, and give its standard output."""
        return must(*self.command, *arguments)

    def run(self, *arguments: str) -> str:
        """Run a container to its end, and give its standard output."""
        return self("run", "--rm", "--network", "none", *_LIMITS, *arguments)

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[None]:
        """Run a container on this machine's network as long as the block takes."""
        identity = self("run", "--detach", "--network", "host", *_LIMITS, *arguments).strip()
        try:
            yield
        finally:
            self("rm", "--force", "--time", "0", identity)

    def close(self) -> None:
        """Remove containers and images, and what podman keeps mounted."""
        subprocess.run([*self.command, "rm", "--all", "--force"], check=False, capture_output=True)
        subprocess.run(["umount", "-q", f"{self.root}/root/vfs"], check=False, capture_output=True)
