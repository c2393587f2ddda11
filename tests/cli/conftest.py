"""What the tests of commands that talk to registries share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.dockerd import docker
from support.go_tools import CRANE, go_tool
from support.real_registries import crane_server, htpasswd_server, open_server, real, token_server
from support.registry_images import image, index
from support.served import Images, Served, served

__all__ = ["crane_server", "docker", "htpasswd_server", "open_server", "real", "token_server"]

_PERSONAL = (
    "DOCKER_CONFIG",
    "REGISTRY_AUTH_FILE",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep a developer's credentials and engines out of the tests."""
    for name in _PERSONAL:
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    home = tmp_path / "nobody"
    home.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(home))


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=tmp_path)


@pytest.fixture
def images(smidgen: Smidgen) -> Images:
    store = ContentStore.open(smidgen.store)
    app, one = index(store), image(store, seed=7)
    store.tag_all({Reference.parse("app:1.0"): app, Reference.parse("one:1.0"): one})
    return Images(store, app, one)


@pytest.fixture
def remote(nobody: None) -> Iterator[Served]:
    with served() as serving:
        yield serving


@pytest.fixture
def other(nobody: None) -> Iterator[Served]:
    """Another registry."""
    with served() as serving:
        yield serving


@pytest.fixture
def crane() -> Path:
    return go_tool(CRANE)
