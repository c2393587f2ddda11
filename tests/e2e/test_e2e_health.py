"""Engines ask an image from scratch for its health: no shell in it, no curl, and docker says healthy all the same."""

import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smidgen.needs.probe.compiler import TARGETS
from support.command import Smidgen, must, run
from support.dockerd import Docker
from support.examples import Examples
from support.podman import Podman
from support.probes import ask, compiled, grpc_server
from support.serving import fetch, free_port

pytestmark = pytest.mark.e2e

_CHECKOUT = Path(__file__).parent.parent.parent
_NAME = "example.com/team/web:healthy"
# A busy machine may take long to start a check, and may ask before the server listens.
_CHECK = "--interval=1s --timeout=60s --retries={}"


def _settled(inspect: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Give the state of health once there is one."""
    end = time.monotonic() + 120
    while (state := inspect())["Status"] == "starting":
        assert time.monotonic() < end, state
        time.sleep(0.1)
    return state


def _docker_health(docker: Docker, identity: str) -> Callable[[], dict[str, Any]]:
    return lambda: json.loads(docker("container", "inspect", "--format", "{{json .State.Health}}", identity))


def _build(smidgen: Smidgen, example: Examples, tarball: Path, check: str) -> None:
    smidgen("build", example("web"), "-t", _NAME, "--tarball", tarball, "--healthcheck", check)


@pytest.mark.parametrize("hardened", [(), ("--read-only", "--cap-drop", "all", "--user", "1000:1000")], ids=len)
def test_docker_marks_it_healthy(
    smidgen: Smidgen, example: Examples, docker: Docker, tmp_path: Path, hardened: tuple[str, ...]
) -> None:
    tarball = tmp_path / "web.tar"
    port = free_port()
    _build(smidgen, example, tarball, f"{_CHECK.format(60)} http://:{port}/healthz")
    docker("load", "--input", tarball)
    identity = docker("run", "--detach", "--network", "none", "--env", f"PORT={port}", *hardened, _NAME).strip()
    try:
        state = _settled(_docker_health(docker, identity))
    finally:
        docker("rm", "--force", identity)
    assert state["Status"] == "healthy", state
    assert state["Log"][-1]["ExitCode"] == 0
    assert state["Log"][-1]["Output"] == f"http://localhost:{port}/healthz: status 200\n"


def test_docker_marks_it_unhealthy(smidgen: Smidgen, example: Examples, docker: Docker, tmp_path: Path) -> None:
    tarball = tmp_path / "web.tar"
    _build(smidgen, example, tarball, f"{_CHECK.format(1)} http://:1/healthz")
    docker("load", "--input", tarball)
    identity = docker("run", "--detach", "--network", "none", _NAME).strip()
    try:
        state = _settled(_docker_health(docker, identity))
    finally:
        docker("rm", "--force", identity)
    assert state["Status"] == "unhealthy", state
    assert state["Log"][-1]["ExitCode"] == 1
    assert state["Log"][-1]["Output"] == "http://localhost:1/healthz: connection refused\n"


def test_podman_marks_it_healthy(smidgen: Smidgen, example: Examples, podman: Podman, tmp_path: Path) -> None:
    tarball = tmp_path / "web.tar"
    port = free_port()
    _build(smidgen, example, tarball, f"http://:{port}/healthz")
    podman("load", "--input", tarball)
    # Podman reads no health check of an OCI image: it is told.
    command = json.dumps(["/.smidgen/probe", f"http://localhost:{port}/healthz"])
    with podman.serving("--name", "web", "--env", f"PORT={port}", "--health-cmd", command, _NAME):
        fetch(port, "/healthz")
        outcome = run(*podman.command, "healthcheck", "run", "web")
        assert outcome.exit_code == 0, outcome


def test_the_layer_is_the_same_in_every_image(smidgen: Smidgen, example: Examples) -> None:
    def layers(program: str, check: str) -> list[str]:
        smidgen("build", example(program), "-t", program, "--healthcheck", check)
        manifest = smidgen("inspect", program).json[0]["manifest"]
        return [layer["digest"] for layer in manifest["layers"]]

    first, second = layers("web", "http://:8080/healthz"), layers("zones", "grpc://:50051")
    assert first[0] == second[0]
    assert set(first[1:]).isdisjoint(second[1:])


def test_prove_asks_what_the_health_check_asks(smidgen: Smidgen, example: Examples) -> None:
    project = example("web")
    (project / "smidgen.yaml").write_text("healthcheck: http://:8080/healthz\n")
    smidgen("build", "-t", "web", cwd=project)
    assert "/healthz" in smidgen("prove", "web").stdout
    (project / "smidgen.yaml").write_text("healthcheck: {test: 'http://:8081/', timeout: 2s}\n")
    smidgen("build", "-t", "web", cwd=project)
    assert ":8081/ did not answer" in smidgen("prove", "web", "--timeout", "1s", fails=True).stderr
    # Another request, and other arguments, are the user's own business.
    smidgen("prove", "web", "--http", ":8080/healthz")


def test_a_real_grpc_server() -> None:
    with subprocess.Popen([grpc_server(), "127.0.0.1:0"], stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        try:
            port = server.stderr.readline().strip().rpartition(":")[2]
            address = f"grpc://localhost:{port}"
            assert ask(address).said == f"{address}: SERVING\n"
            assert ask(f"{address}/example.v1.Well").exit_code == 0
            assert ask(f"{address}/example.v1.Ill").said == f"{address}/example.v1.Ill: NOT_SERVING\n"
            assert "no such service" in ask(f"{address}/example.v1.Missing").said
            assert ask(address, architecture="arm64").exit_code == 0
            assert ask(f"http://localhost:{port}").exit_code == 1
        finally:
            server.terminate()


def test_a_wheel_brings_the_probes(tmp_path: Path) -> None:
    must(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=_CHECKOUT)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for architecture in TARGETS:
            packaged = archive.read(f"smidgen/needs/probe/built/probe-{architecture}")
            assert packaged == compiled(architecture).read_bytes()
