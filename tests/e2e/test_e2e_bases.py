"""Images on bases that other tools made: every peer takes them, and what is inherited works."""

import io
import tarfile
from pathlib import Path

import pytest

from support.base_images import GROUP, PASSWD
from support.command import Smidgen, must
from support.dockerd import Docker
from support.examples import Examples
from support.hello_program import hello_program
from support.layouts import Layout
from support.podman import Podman

pytestmark = pytest.mark.e2e

_NAME = "example.com/team/hello:1"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A static program that reads /etc/name, which the base has."""
    path = tmp_path / "hello"
    path.write_bytes(hello_program())
    path.chmod(0o755)
    return path


def _root(tmp_path: Path) -> Path:
    """Write the root directory of a base as a tar."""
    path = tmp_path / "root.tar"
    with tarfile.open(path, "w") as archive:
        directory = tarfile.TarInfo("etc")
        directory.type, directory.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(directory)
        for name, data in {"etc/name": b"the base", "etc/passwd": PASSWD, "etc/group": GROUP}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def _of_docker(docker: Docker, registry: str, tmp_path: Path) -> str:
    name = f"{registry}/bases/docker:1"
    changes = ("USER web", "ENV GREETING=hi", "WORKDIR /etc", "LABEL vendor=docker", 'CMD ["/bin/none"]')
    docker("import", *(word for change in changes for word in ("--change", change)), _root(tmp_path), name)
    docker("push", name)
    return name


def test_an_image_on_a_base_that_docker_pushed(
    smidgen: Smidgen, *, program: Path, docker: Docker, podman: Podman, crane: Path, registry: str, tmp_path: Path
) -> None:
    base = _of_docker(docker, registry, tmp_path)
    assert "vnd.docker.distribution.manifest.v2" in must(crane, "manifest", base)
    layout = tmp_path / "layout"
    tarball = tmp_path / "image.tar"
    smidgen("build", "--binary", program, "-t", _NAME, "--base", base, "--oci-layout", layout, "--tarball", tarball)
    Layout(layout).check()
    (config,) = (one["config"] for one in Layout(layout).configs())
    assert (config["User"], config["WorkingDir"], config["Labels"]) == ("web", "/etc", {"vendor": "docker"})
    assert "GREETING=hi" in config["Env"]
    assert "Cmd" not in config
    must("skopeo", "--insecure-policy", "copy", "--preserve-digests", f"oci:{layout}:1", f"dir:{tmp_path}/copied")
    must("umoci", "unpack", "--rootless", "--image", f"{layout}:1", tmp_path / "bundle")
    assert must(crane, "validate", "--tarball", tarball).startswith("PASS")
    docker("load", "--input", tarball)
    assert docker.run(_NAME) == "hello from the base"
    podman("load", "--input", tarball)
    assert podman.run(_NAME) == "hello from the base"
    assert smidgen("run", _NAME).stdout == "hello from the base"


def test_an_image_on_a_base_of_zstd_layers(
    smidgen: Smidgen, *, program: Path, podman: Podman, crane: Path, registry: str, tmp_path: Path
) -> None:
    base = f"{registry}/bases/zstd:1"
    podman("import", _root(tmp_path), base)
    podman("push", "--tls-verify=false", "--compression-format", "zstd", base)
    assert "tar+zstd" in must(crane, "manifest", base)
    tarball = tmp_path / "image.tar"
    smidgen("build", "--binary", program, "-t", _NAME, "--base", base, "--tarball", tarball)
    podman("load", "--input", tarball)
    assert podman.run(_NAME) == "hello from the base"
    assert smidgen("run", _NAME).stdout == "hello from the base"


def test_a_program_on_the_built_in_base_runs_as_nonroot(smidgen: Smidgen, example: Examples, docker: Docker) -> None:
    tarball = smidgen.cwd / "image.tar"
    smidgen("build", example("user") / "app", "-t", _NAME, "--base", "static", "--tarball", tarball)
    docker("load", "--input", tarball)
    assert "nonroot (uid: 65532)" in docker.run(_NAME)
    assert "nonroot (uid: 65532)" in smidgen("run", _NAME).stdout
