"""A registry over an empty store for each test, in this process."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from smidgen.server.listen import serving
from smidgen.server.options import ServeOptions
from smidgen.store.content import ContentStore
from support.asking import Asker
from support.command import Smidgen
from support.dockerd import docker
from support.podman import Podman

__all__ = ["docker"]


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


@pytest.fixture
def ask(store: ContentStore) -> Iterator[Asker]:
    with serving(store, ServeOptions(port=0)) as server:
        yield Asker(server.address)


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=tmp_path)


@pytest.fixture
def podman() -> Iterator[Podman]:
    # Podman takes no run root of over 50 characters, and those of pytest are longer.
    with tempfile.TemporaryDirectory(prefix="podman-") as name:
        peer = Podman(Path(name))
        yield peer
        peer.close()
