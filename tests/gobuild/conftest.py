"""Go modules on disk, and the toolchain of this machine."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from smidgen.gobuild.toolchain import Toolchain, find_toolchain

HELLO = 'package main\n\nfunc main() { println("hello") }\n'


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    return find_toolchain(os.environ.get("SMIDGEN_GO"), os.environ)


@pytest.fixture
def environ() -> dict[str, str]:
    """The environment without what a developer's own settings would change in a test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GO", "CGO", "GIT"))}
    proxy = {name: os.environ[name] for name in ("GOPROXY", "GOSUMDB", "GONOSUMDB", "GOCACHE") if name in os.environ}
    return kept | proxy | {"GOENV": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Write files below a directory, which is returned."""

    def write_files(files: dict[str, str]) -> Path:
        root = tmp_path / "src"
        root.mkdir(exist_ok=True)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    return write_files
