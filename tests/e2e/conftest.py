"""What the end-to-end tests share: a store of its own for each test, copies of the examples, peers."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import Smidgen
from support.examples import Examples
from support.go_tools import CRANE, go_tool
from support.podman import Podman


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
def podman(tmp_path: Path) -> Iterator[Podman]:
    peer = Podman(tmp_path / "podman")
    yield peer
    peer.close()
