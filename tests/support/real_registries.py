"""Registries that other people wrote: Debian's ``docker-registry`` and ``crane registry serve``.

The fixtures are those of a test process: a ``conftest.py`` that imports them has them, and each registry starts
the first time that a test asks for it.
"""

import base64
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.command import ENDS_WITH_US
from support.go_tools import CRANE, go_tool
from support.registry_access import Access
from support.registry_certificates import Authority, TokenSigner
from support.registry_wire import serving

#: Who may use the registries that ask; a word that can be looked for in everything that is written.
USER = "torturer"
PASSWORD = "torture-pass-7f1c9e2ab4d0-secret"
# bcrypt is all that docker-registry takes, and Python has none.
_HTPASSWD = f"{USER}:$2y$04$abcdefghijklmnopqrstuuuG6NDTX7u6Pu/.R5h8Wbvlepliru1x6\n"
_START_LIMIT = 60.0


@dataclass(frozen=True)
class RealRegistry:
    """A registry that runs.

    Attributes:
        host: ``127.0.0.1:PORT``.
        kind: ``crane``, ``open``, ``htpasswd`` or ``token``.
        bundle: The certificate authority that it needs, or None for plain http.
        directory: Where its configuration is; a client's can be put there too.
    """

    host: str
    kind: str
    directory: Path
    bundle: Path | None = None
    accounts: dict[str, str] = field(default_factory=dict)

    def reference(self, text: str) -> str:
        """Name an image in it."""
        return f"{self.host}/{text}"

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.bundle else 'http'}://{self.host}"

    def environment(self) -> dict[str, str]:
        """Give the variables with which crane, skopeo and smidgen may use it."""
        configuration = self.directory / "client"
        configuration.mkdir(exist_ok=True)
        (configuration / "config.json").write_text(json.dumps({"auths": self._auths()}))
        trusted = {"SSL_CERT_FILE": str(self.bundle)} if self.bundle else {}
        files = {"DOCKER_CONFIG": str(configuration), "REGISTRY_AUTH_FILE": str(configuration / "config.json")}
        return {**os.environ, **files, **trusted}

    def _auths(self) -> dict[str, dict[str, str]]:
        if not self.accounts:
            return {}
        user, password = next(iter(self.accounts.items()))
        return {self.host: {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}}


@contextmanager
def crane_registry() -> Iterator[RealRegistry]:
    """Run ``crane registry serve``, which keeps everything in memory."""
    command: list[str | Path] = [go_tool(CRANE), "registry", "serve", "--address", "127.0.0.1:0"]
    with tempfile.TemporaryDirectory(prefix="crane-registry-") as name, _running(command, Path(name)) as log:
        found = _wait_for(log, r"serving on port (\d+)")
        yield RealRegistry(f"127.0.0.1:{found[1]}", "crane", Path(name))


@contextmanager
def docker_registry(kind: str) -> Iterator[RealRegistry]:
    """Run Debian's docker-registry: ``open``, with ``htpasswd`` and TLS, or with ``token`` and TLS."""
    with tempfile.TemporaryDirectory(prefix="docker-registry-") as name:
        directory = Path(name)
        if kind == "open":
            with _docker_registry(directory, {}, {}) as host:
                yield RealRegistry(host, kind, directory)
            return
        authority = Authority.create(directory / "tls")
        pair = authority.sign("server")
        tls: dict[str, object] = {"tls": {"certificate": str(pair.certificate), "key": str(pair.key)}}
        accounts = {USER: PASSWORD}
        if kind == "htpasswd":
            (directory / "htpasswd").write_text(_HTPASSWD)
            auth: dict[str, object] = {"htpasswd": {"realm": "a realm", "path": str(directory / "htpasswd")}}
            with _docker_registry(directory, auth, tls) as host:
                yield RealRegistry(host, kind, directory, authority.bundle, accounts)
            return
        signer = TokenSigner.create(directory)
        access = Access(accounts, sign=signer)
        with serving(access.token_service, tls=pair.server()) as tokens:
            # By name: clients refuse a realm that is a private address, and not the registry's own.
            words = {
                "realm": f"https://localhost:{tokens.port}/token",
                "service": signer.service,
                "issuer": signer.issuer,
            }
            auth = {"token": {**words, "rootcertbundle": str(signer.pair.certificate)}}
            with _docker_registry(directory, auth, tls) as host:
                yield RealRegistry(host, kind, directory, authority.bundle, accounts)


@contextmanager
def _docker_registry(directory: Path, auth: dict[str, object], tls: dict[str, object]) -> Iterator[str]:
    configuration = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(directory / "storage")},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": "127.0.0.1:0", "secret": "not much of one", **tls},
        **({"auth": auth} if auth else {}),
    }
    # JSON is YAML.
    (directory / "config.yml").write_text(json.dumps(configuration))
    with _running(["docker-registry", "serve", directory / "config.yml"], directory) as log:
        yield f"127.0.0.1:{_wait_for(log, r'listening on 127.0.0.1:([0-9]+)')[1]}"


@contextmanager
def _running(command: list[str | Path], directory: Path) -> Iterator["_Log"]:
    """Run a server, with its words in a file, until the block ends."""
    path = directory / "log"
    # The tests' proxies and OpenTelemetry settings are no business of a server's.
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory)}
    with path.open("wb") as log:
        process = subprocess.Popen(
            [*ENDS_WITH_US, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
    try:
        yield _Log(path, process)
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class _Log:
    path: Path
    process: subprocess.Popen[bytes]


def _wait_for(log: _Log, pattern: str) -> re.Match[str]:
    deadline = time.monotonic() + _START_LIMIT
    while not (found := re.search(pattern, log.path.read_text())):
        assert log.process.poll() is None, log.path.read_text()
        assert time.monotonic() < deadline, log.path.read_text()
        time.sleep(0.02)
    return found


@pytest.fixture(scope="session")
def crane_server() -> Iterator[RealRegistry]:
    """Serve ``crane registry serve`` for all tests of this process."""
    with crane_registry() as registry:
        yield registry


@pytest.fixture(scope="session")
def open_server() -> Iterator[RealRegistry]:
    """Serve docker-registry without authentication, over plain http."""
    with docker_registry("open") as registry:
        yield registry


@pytest.fixture(scope="session")
def htpasswd_server() -> Iterator[RealRegistry]:
    """Serve docker-registry with TLS and Basic authentication."""
    with docker_registry("htpasswd") as registry:
        yield registry


@pytest.fixture(scope="session")
def token_server() -> Iterator[RealRegistry]:
    """Serve docker-registry with TLS and tokens."""
    with docker_registry("token") as registry:
        yield registry


#: For ``pytest.mark.parametrize("real", REAL, indirect=True)``.
REAL = ("crane", "open", "htpasswd", "token")


@pytest.fixture
def real(request: pytest.FixtureRequest) -> RealRegistry:
    """Give the registry that the parameter names."""
    found = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(found, RealRegistry)
    return found
