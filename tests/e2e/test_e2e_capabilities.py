"""A program that is not root listens on a port of root's, as its file may; and such files keep what they have."""

import io
import socket
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.command import Smidgen
from support.dockerd import Docker
from support.examples import Examples
from support.layouts import Layout
from support.podman import Podman
from support.serving import fetch

pytestmark = pytest.mark.e2e

_NAME = "example.com/team/web:low"
_RECORD = "SCHILY.xattr.security.capability"
_BIND = bytes.fromhex("0100000200040000000000000000000000000000")


def _low_port() -> int:
    """Find a port that only root may listen on, and that nobody does."""
    for port in range(901, 1024):
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port below 1024")


@contextmanager
def _serving(docker: Docker, *arguments: str) -> Iterator[str]:
    identity = docker("run", "--detach", "--network", "host", *arguments).strip()
    try:
        yield identity
    finally:
        docker("rm", "--force", identity)


def _members(layout: Path) -> dict[str, tarfile.TarInfo]:
    """Give the members of all layers by name, as Python's own reader of tars has them."""
    found: dict[str, tarfile.TarInfo] = {}
    for manifest in Layout(layout).manifests():
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(Layout(layout).blob(layer["digest"]))) as archive:
                found |= {member.name: member for member in archive}
    return found


def _capability(member: tarfile.TarInfo) -> bytes:
    return member.pax_headers.get(_RECORD, "").encode("utf-8", "surrogateescape")


def test_docker_starts_it_on_a_low_port(smidgen: Smidgen, example: Examples, docker: Docker, tmp_path: Path) -> None:
    tarball = tmp_path / "web.tar"
    smidgen("build", example("web"), "-t", _NAME, "--cap", "cap_net_bind_service", "--tarball", tarball)
    docker("load", "--input", tarball)
    port = _low_port()
    with _serving(docker, "--env", f"PORT={port}", "--cap-drop", "all", "--cap-add", "NET_BIND_SERVICE", _NAME):
        assert fetch(port, "/healthz") == '{"ok":true}'


def test_docker_does_not_without(smidgen: Smidgen, example: Examples, docker: Docker, tmp_path: Path) -> None:
    tarball = tmp_path / "web.tar"
    smidgen("build", example("web"), "-t", _NAME, "--tarball", tarball)
    docker("load", "--input", tarball)
    with _serving(docker, "--env", f"PORT={_low_port()}", _NAME) as identity:
        assert docker("wait", identity).strip() == "1"


def test_podman_starts_it_on_a_low_port(smidgen: Smidgen, example: Examples, podman: Podman, tmp_path: Path) -> None:
    tarball = tmp_path / "web.tar"
    smidgen("build", example("web"), "-t", _NAME, "--cap", "net_bind_service=ep", "--tarball", tarball)
    podman("load", "--input", tarball)
    port = _low_port()
    with podman.serving("--env", f"PORT={port}", _NAME):
        assert fetch(port, "/healthz") == '{"ok":true}'


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_run_starts_it_on_a_low_port(smidgen: Smidgen, example: Examples, runtime: str) -> None:
    smidgen("build", example("web"), "-t", "web", "--cap", "cap_net_bind_service")
    port = _low_port()
    with smidgen.running("run", "--store", smidgen.store, "--runtime", runtime, "-e", f"PORT={port}", "web"):
        assert fetch(port, "/healthz") == '{"ok":true}'


def test_prove_says_why_it_is_not_started(smidgen: Smidgen, example: Examples, tmp_path: Path) -> None:
    """Without capabilities in the container the kernel refuses a file whose capabilities are to be in force."""
    smidgen("build", example("web"), "-t", "web", "--cap", "cap_net_bind_service")
    outcome = smidgen("prove", "--runtime", "runc", "web", fails=True)
    assert "its file has cap_net_bind_service=ep" in outcome.stderr
    # Permitted alone is no reason for the kernel to refuse it.
    smidgen("build", tmp_path / "examples" / "web", "-t", "web", "--cap", "cap_net_bind_service=p")
    smidgen("prove", "--runtime", "runc", "web", "--http", ":8080/healthz")


def test_the_record_of_the_tar(smidgen: Smidgen, example: Examples, tmp_path: Path) -> None:
    project = example("web")
    (project / "smidgen.yaml").write_text("linux_capabilities: [cap_net_bind_service]\n")
    smidgen("build", "-t", "web", "--oci-layout", tmp_path / "layout", cwd=project)
    assert _capability(_members(tmp_path / "layout")["web"]) == _BIND
    assert "(cap_net_bind_service=ep)" in smidgen("history", "web").stdout
    (project / "smidgen.yaml").write_text("linux_capabilities: []\n")
    smidgen("build", "-t", "web", "--oci-layout", tmp_path / "without", cwd=project)
    assert _capability(_members(tmp_path / "without")["web"]) == b""


def test_they_survive_bases_and_dockerfiles(smidgen: Smidgen, example: Examples, tmp_path: Path) -> None:
    project = example("web")
    options = ("--add", "main.go:/bin/setuid:4755:0:0", "--add", "main.go:/bin/setgid:2711:0:7")
    smidgen("build", project, "-t", "first", "--cap", "cap_net_bind_service", *options, cwd=project)
    smidgen("build", example("zones"), "-t", "second", "--base", "store:first", "--oci-layout", tmp_path / "second")
    layout = tmp_path / "third"
    (project / "Dockerfile").write_text("FROM first AS one\nFROM scratch\nCOPY --from=one / /copied/\n")
    smidgen("build", "-f", project / "Dockerfile", project, "-t", "third")
    smidgen("copy", "third", f"oci:{layout}")
    for members, prefix in ((_members(tmp_path / "second"), ""), (_members(layout), "copied/")):
        assert members[f"{prefix}bin/setuid"].mode == 0o4755
        assert (members[f"{prefix}bin/setgid"].mode, members[f"{prefix}bin/setgid"].gid) == (0o2711, 7)
        assert _capability(members[f"{prefix}web"]) == _BIND
