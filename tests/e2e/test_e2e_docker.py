"""Docker loads what ``smidgen build`` writes, and runs it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.command import Smidgen
from support.dockerd import Docker
from support.examples import Examples
from support.serving import fetch, free_port

pytestmark = pytest.mark.e2e

_NAME = "example.com/team/app:1.0"
# Docker before 23 refuses zstd.
_FORMS = [(), ("--single-layer",), ("--compression", "none"), ("--platform", "linux/amd64,linux/arm64")]


@contextmanager
def _serving(docker: Docker, *arguments: str) -> Iterator[None]:
    identity = docker("run", "--detach", "--network", "host", *arguments).strip()
    try:
        yield
    finally:
        docker("rm", "--force", identity)


@pytest.mark.parametrize("options", _FORMS, ids=" ".join)
def test_docker_loads_a_tarball_and_serves(
    smidgen: Smidgen, example: Examples, docker: Docker, tmp_path: Path, options: tuple[str, ...]
) -> None:
    tarball = tmp_path / "web.tar"
    smidgen("build", example("web"), "-t", _NAME, "--tarball", tarball, *options)
    assert f"Loaded image: {_NAME}" in docker("load", "--input", tarball)
    port = free_port()
    with _serving(docker, "--env", f"PORT={port}", "--read-only", "--cap-drop", "all", _NAME):
        assert fetch(port, "/healthz") == '{"ok":true}'


def test_docker_gets_an_image_with_load(smidgen: Smidgen, example: Examples, docker: Docker) -> None:
    name = "example.com/team/zones:loaded"
    smidgen("build", example("zones"), "-t", name, "--load", "docker", env=docker.environment)
    assert "08:00 EDT" in docker.run(name, "America/New_York")


def test_docker_shows_what_was_configured(smidgen: Smidgen, example: Examples, docker: Docker, tmp_path: Path) -> None:
    name = "example.com/team/web:configured"
    tarball = tmp_path / "web.tar"
    options = ("--expose", "8080", "--env", "A=b", "--workdir", "/srv", "--label", "team=blue", "--volume", "/data")
    more = ("--stop-signal", "SIGINT", "--user", "appuser", "--cmd", "one")
    smidgen("build", example("web"), "-t", name, "--tarball", tarball, *options, *more)
    docker("load", "--input", tarball)
    config = json.loads(docker("image", "inspect", name))[0]["Config"]
    assert config["ExposedPorts"] == {"8080/tcp": {}}
    assert "A=b" in config["Env"]
    assert config["WorkingDir"] == "/srv"
    assert config["Labels"]["team"] == "blue"
    assert config["Volumes"] == {"/data": {}}
    assert config["StopSignal"] == "SIGINT"
    assert config["User"] == "65534:65534"  # a number, so that Kubernetes can tell that it is not root
    assert config["Cmd"] == ["one"]
