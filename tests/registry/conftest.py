"""What the tests of registries share: real peers, a store of its own for each test, and nobody's credentials."""

from pathlib import Path

import pytest

from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.dockerd import docker
from support.go_tools import CRANE, go_tool
from support.real_registries import crane_server, htpasswd_server, open_server, real, token_server
from support.sandbox_rights import library

__all__ = ["crane_server", "docker", "htpasswd_server", "library", "open_server", "real", "token_server"]

_PERSONAL = ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep a developer's credentials, certificates and proxies out of the tests."""
    for name in (*_PERSONAL, *_PROXIES, *(proxy.lower() for proxy in _PROXIES)):
        monkeypatch.delenv(name, raising=False)
    configuration = tmp_path / "nobody" / "config.json"
    configuration.parent.mkdir()
    # podman insists that the file exists.
    configuration.write_text("{}")
    monkeypatch.setenv("DOCKER_CONFIG", str(configuration.parent))


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=tmp_path)


@pytest.fixture
def crane() -> Path:
    return go_tool(CRANE)
