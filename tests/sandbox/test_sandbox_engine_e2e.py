"""Handing over to docker and podman: loaded there, and run with the same options."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.dockerd import Docker, docker
from support.podman import Podman

__all__ = ["docker"]

pytestmark = pytest.mark.e2e


@pytest.fixture
def podman_on_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A ``podman`` that keeps to a directory, and sets no limits that this machine does not allow."""
    import shutil
    import tempfile

    directory = tmp_path_factory.mktemp("bin")
    with tempfile.TemporaryDirectory(prefix="podman-") as name:
        podman = Podman(Path(name))
        real = shutil.which("podman")
        words = " ".join([str(real), *podman.command[1:]])
        limits = "--ulimit nofile=1024:1024 --ulimit nproc=256:256"
        script = f'#!/bin/sh\ncase $1 in run) shift; exec {words} run {limits} "$@";; esac\nexec {words} "$@"\n'
        (directory / "podman").write_text(script)
        (directory / "podman").chmod(0o755)
        yield f"{directory}:{os.environ['PATH']}"
        podman.close()


def both(run: Smidgen, engine: str, env: dict[str, str]) -> None:
    """Go through the options that every engine takes."""
    runtime = ("run", "--runtime", engine, "--network", "none")
    outcome = run(*runtime, "probe", "exit", "5", env=env, fails=True)
    assert (outcome.exit_code, outcome.stdout) == (5, "to standard output\n"), outcome
    assert "ids 65534 65534" in run(*runtime, "probe", "identity", env=env).stdout
    options = ("-e", "A=b c", "-w", "/dev", "-u", "7:8", "--entrypoint", "/probe", "--read-only")
    assert "A=b c" in run(*runtime, *options, "probe", "environment", env=env).lines
    lines = run(*runtime, *options, "probe", "identity", env=env).lines
    assert lines[0].startswith("ids 7 8")
    assert lines[1] == "directory /dev"
    assert "read-only" in run(*runtime, *options, "probe", "write", "/x", env=env).stdout


def test_docker(docker: Docker, store: ContentStore, tmp_path: Path) -> None:
    both(Smidgen(store=store.root, cwd=tmp_path), "docker", docker.environment)


def test_podman(podman_on_path: str, store: ContentStore, tmp_path: Path) -> None:
    both(Smidgen(store=store.root, cwd=tmp_path), "podman", {"PATH": podman_on_path})


def test_no_engine(store: ContentStore, tmp_path: Path) -> None:
    run = Smidgen(store=store.root, cwd=tmp_path)
    outcome = run("run", "--runtime", "docker", "probe", env={"PATH": str(tmp_path)}, fails=True)
    assert "no docker on this machine" in outcome.stderr


def test_no_daemon(store: ContentStore, tmp_path: Path) -> None:
    run = Smidgen(store=store.root, cwd=tmp_path)
    env = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    outcome = run("run", "--runtime", "docker", "probe", env=env, fails=True)
    assert outcome.exit_code == 1
    assert "Cannot connect to the Docker daemon" in outcome.stderr
