"""Images on bases that other tools made: every peer takes them, and what is inherited works."""

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from smidgen.image.image import Image
from smidgen.store.content import ContentStore
from support.base_images import GROUP, PASSWD, put_base
from support.command import Smidgen, must
from support.dockerd import Docker
from support.examples import Examples
from support.go_tools import KO, go_tool
from support.hello_program import hello_program
from support.layouts import Layout
from support.podman import Podman
from support.registry import Registry
from support.registry_images import publish
from support.registry_wire import serving

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


def test_what_ko_inherits_is_inherited(smidgen: Smidgen, example: Examples, tmp_path: Path) -> None:
    store = ContentStore.open(tmp_path / "there")
    base = put_base(store)
    service = Registry()
    publish(service, store, base, "team/base", "1")
    source = example("user")
    with serving(service) as server:
        name = f"{server.host}/team/base:1"
        environ = os.environ | {"KO_DOCKER_REPO": f"{server.host}/team/ko", "KO_DEFAULTBASEIMAGE": name}
        platform = f"--platform={Image(store, base).platform}"
        theirs = must(go_tool(KO), "build", "--bare", "--sbom=none", platform, "./app", cwd=source, env=environ)
        smidgen("build", source / "app", "-t", _NAME, "--base", name, platform)
    (ours,) = (one["config"] for one in Layout(smidgen.store).configs() if one["config"].get("Entrypoint") == ["/app"])
    manifest = json.loads(service.manifests["team/ko", theirs.strip().partition("@")[2]][1])
    config = json.loads(service.blobs[manifest["config"]["digest"]])["config"]
    for key in ("User", "WorkingDir", "ExposedPorts", "Volumes", "Labels", "StopSignal"):
        assert ours.get(key) == config.get(key), key
    # ko adds a directory of its own to PATH, and a variable for data that the program may not have.
    assert [one for one in ours["Env"] if not one.startswith("PATH=")] == [
        one for one in config["Env"] if not one.startswith(("PATH=", "KO_DATA_PATH="))
    ]
    below = [layer.digest for layer in Image(store, base).layers]
    (own,) = (one for one in Layout(smidgen.store).manifests() if len(one["layers"]) == len(below) + 1)
    for document in (manifest, own):
        assert [layer["digest"] for layer in document["layers"][: len(below)]] == below
        assert document["annotations"]["org.opencontainers.image.base.name"] == name
        assert document["annotations"]["org.opencontainers.image.base.digest"] == base.digest
    assert "Cmd" not in ours
    assert "Cmd" not in config
