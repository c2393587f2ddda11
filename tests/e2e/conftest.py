"""What the end-to-end tests share: a store of its own for each test, copies of the examples, peers."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import Smidgen
from support.dockerd import docker
from support.examples import Examples
from support.go_tools import CRANE, go_tool
from support.podman import Podman

__all__ = ["docker"]


@pytest.fixture
def example(tmp_path: Path) -> Examples:
    return Examples(tmp_path / "examples")


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=tmp_path)


@pytest.fixture
def crane() -> Path:
    return go_tool(CRANE)


@pytest.fixture
def registry(crane: Path) -> Iterator[str]:
    """Serve an empty registry on a free port of this machine; gives ``127.0.0.1:PORT``."""
    with subprocess.Popen(
        [crane, "registry", "serve", "--address", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        found = re.search(r"serving on port (\d+)", process.stderr.readline())
        assert found
        yield f"127.0.0.1:{found[1]}"
        process.terminate()
        process.stderr.read()


@pytest.fixture
def podman() -> Iterator[Podman]:
    # Podman takes no run root of over 50 characters, and those of pytest are longer.
    with tempfile.TemporaryDirectory(prefix="podman-") as name:
        peer = Podman(Path(name))
        yield peer
        peer.close()
