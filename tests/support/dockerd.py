"""A Docker daemon of the tests' own, which knows nothing of the machine's and leaves nothing behind.

``docker`` is a session fixture: a ``conftest.py`` that imports it has it, and each test process starts
one daemon, the first time that a test asks for it.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.command import ENDS_WITH_US, must, run

_START_LIMIT = 60.0
_STOP_LIMIT = 30.0
# Containers have a network of their own with nothing but loopback, so no bridge and no rules are needed.
_OPTIONS = ("--bridge=none", "--iptables=false", "--ip6tables=false")


@dataclass(frozen=True)
class Docker:
    """``docker`` with a daemon of its own.

    Attributes:
        host: For ``DOCKER_HOST``.
        containerd: The socket of the daemon's containerd, for ``ctr --address``.
    """

    host: str
    containerd: str
    config: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make any client talk to this daemon."""
        return {**os.environ, "DOCKER_HOST": self.host, "DOCKER_CONFIG": str(self.config)}

    def __call__(self, *arguments: str | Path) -> str:
        """Run ``docker ARGUMENTS``, which must succeed, and give its standard output."""
        return must("docker", *arguments, env=self.environment)

    def run(self, *arguments: str) -> str:
        """Run a container without a network to its end, and give what it wrote to both its outputs."""
        outcome = run("docker", "run", "--rm", "--network", "none", *arguments, env=self.environment)
        assert outcome.exit_code == 0, outcome
        return outcome.stdout + outcome.stderr

    def ctr(self, *arguments: str | Path) -> str:
        """Run ``ctr ARGUMENTS`` in the daemon's containerd, in a namespace that Docker does not use."""
        return must("ctr", "--address", self.containerd, "--namespace", "smidgen-tests", *arguments)


@contextmanager
def running_dockerd(*, storage_driver: str = "vfs") -> Iterator[Docker]:
    """Start a daemon in a new directory under the temporary one, short as socket paths must be; stop it at the end.

    Args:
        storage_driver: ``vfs`` works everywhere, and copies a whole image for each layer.
    """
    with tempfile.TemporaryDirectory(prefix="dockerd-") as name:
        directory = Path(name)
        (directory / "daemon.json").write_text("{}")
        command = (
            *ENDS_WITH_US,
            "dockerd",
            *_OPTIONS,
            f"--storage-driver={storage_driver}",
            f"--config-file={directory}/daemon.json",
            f"--data-root={directory}/root",
            f"--exec-root={directory}/exec",
            f"--pidfile={directory}/pid",
            f"--host=unix://{directory}/sock",
        )
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        docker = Docker(f"unix://{directory}/sock", f"{directory}/exec/containerd/containerd.sock", directory)
        try:
            _wait(docker, process, directory / "log")
            yield docker
        finally:
            process.terminate()
            try:
                process.wait(_STOP_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            unmount_below(directory)


def _wait(docker: Docker, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_LIMIT
    while run("docker", "version", env=docker.environment).exit_code:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)


def unmount_below(directory: Path) -> None:
    """Unmount what is mounted below *directory*, such as by a daemon that did not end well."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((one for one in mounts if one.startswith(f"{directory}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=True)


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    """A Docker daemon for all tests of this process."""
    with running_dockerd() as daemon:
        yield daemon
