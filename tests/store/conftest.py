"""Peers that the store's end-to-end tests load archives into."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.dockerd import docker
from support.podman import Podman

__all__ = ["docker", "podman"]


@pytest.fixture
def podman() -> Iterator[Podman]:
    # Podman takes no run root over 50 characters.
    with tempfile.TemporaryDirectory(prefix="podman-") as name:
        podman = Podman(Path(name))
        yield podman
        podman.close()
