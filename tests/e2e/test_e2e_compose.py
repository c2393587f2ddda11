"""An application of two services, built from its Compose file and brought up by ``docker-compose``.

It is ``examples/compose``: a server from scratch that asks itself for its health, and PostgreSQL, which it waits for.
Docker's daemon is what obeys ``condition: service_healthy`` here: podman starts health checks by way of systemd, which
containers and CI machines do not have, and podman-compose waits for them from podman 4.6 on. The daemon's networks are
bridges without any rules of the machine's firewall. The images of the database and of the compiler are stand-ins; what
those are stands in ``tests/support/stand_in_files/README.md``.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from smidgen.store.content import ContentStore
from support import stand_ins
from support.command import Smidgen, must, run
from support.dockerd import Docker
from support.examples import Examples
from support.serving import fetch, free_port

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not stand_ins.has_builder(), reason="stand-ins are made by root, with mmdebstrap"),
]

_IMAGE = "example.com/visits:1"
_DATABASE = "postgres:17"
_HEALTH_LIMIT = 240.0


@dataclass(frozen=True)
class _Application:
    """The application while it is up.

    Attributes:
        docker: The engine that it runs in.
        file: Its Compose file.
        port: Where its server is reached.
    """

    docker: Docker
    file: Path
    port: int

    def compose(self, *arguments: str) -> str:
        return must("docker-compose", "--file", self.file, *arguments, env=self.environment)

    @property
    def environment(self) -> dict[str, str]:
        return self.docker.environment | {"PORT": str(self.port), "COMPOSE_PROJECT_NAME": f"visits-{self.port}"}

    def health(self, service: str) -> str:
        """Give what the engine says of the health of *service*, once its start is over."""
        container = self.compose("ps", "--quiet", service).strip()
        deadline = time.monotonic() + _HEALTH_LIMIT
        while (state := self._state(container)) == "starting" and time.monotonic() < deadline:
            time.sleep(0.2)
        return state

    def _state(self, container: str) -> str:
        return self.docker("inspect", "--format", "{{.State.Health.Status}}", container).strip()


@contextmanager
def _up(docker: Docker, directory: Path) -> Iterator[_Application]:
    application = _Application(docker, directory / "compose.yaml", free_port())
    try:
        application.compose("up", "--no-build", "--detach")
        yield application
    finally:
        application.compose("down", "--volumes", "--timeout", "2")
        run("docker", "image", "rm", "--force", _IMAGE, _DATABASE, env=docker.environment)


def test_the_application_with_a_database(smidgen: Smidgen, example: Examples, docker: Docker) -> None:
    directory = example("compose")
    stand_ins.share(("golang:1.25.4-alpine", _DATABASE), ContentStore.open(smidgen.store))
    engine = {"DOCKER_HOST": docker.host}
    built = smidgen("build", "--compose", directory / "compose.yaml", "--load", "docker", env=engine)
    assert built.lines[0].startswith(f"{_IMAGE}@sha256:")
    smidgen("copy", _DATABASE, f"docker-daemon:{_DATABASE}", env=engine)
    with _up(docker, directory) as application:
        # The server was started when the database was well, so that it is right from its first answer on.
        assert application.health("db") == "healthy"
        assert fetch(application.port, "/health") == "well\n"
        assert [fetch(application.port) for _ in range(3)] == ["visit 1\n", "visit 2\n", "visit 3\n"]
        assert application.health("app") == "healthy", application.compose("logs")
        # Its own health check tells of a database that has gone, without a shell in the image.
        asking = ("exec", "-T", "app", "/app", "-health")
        application.compose(*asking)
        application.compose("stop", "db")
        refused = run("docker-compose", "--file", application.file, *asking, env=application.environment)
        assert refused.exit_code == 1
        assert "503" in refused.stdout + refused.stderr
    assert docker("ps", "--all", "--quiet") == ""
    assert f"visits-{application.port}" not in docker("network", "ls") + docker("volume", "ls")
