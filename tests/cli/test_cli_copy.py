"""``smidgen copy``: from every place to every place."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.command import Smidgen, must
from support.docker_socket import DockerSocket, docker_socket
from support.dockerd import Docker
from support.hello_program import hello_program
from support.registry_images import check_registry, check_store, index
from support.served import Images, Served
from support.small_images import put_image


@pytest.fixture
def engine() -> Iterator[DockerSocket]:
    with tempfile.TemporaryDirectory(prefix="docker-") as name, docker_socket(Path(name)) as serving:
        yield serving


def ref_names(layout: Path) -> list[str | None]:
    entries = json.loads((layout / "index.json").read_text())["manifests"]
    return [entry.get("annotations", {}).get("org.opencontainers.image.ref.name") for entry in entries]


def sign(remote: Served, repository: str, subject: Descriptor) -> str:
    """Put something that refers to *subject* into a registry; give its digest."""
    empty = remote.registry.add_blob(repository, b"{}")
    descriptor = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2}
    about = {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size}
    media_type = "application/vnd.oci.image.manifest.v1+json"
    document = {"schemaVersion": 2, "mediaType": media_type, "artifactType": "a/b", "config": descriptor}
    data = json.dumps(document | {"layers": [descriptor], "subject": about}).encode()
    return remote.registry.add_manifest(repository, data)


def test_between_registries_nothing_is_written(smidgen: Smidgen, remote: Served, other: Served, tmp_path: Path) -> None:
    elsewhere = ContentStore.open(tmp_path / "elsewhere")
    root = index(elsewhere)
    remote.publish(elsewhere, root, "team/app", "1")
    source, target = (f"docker://{one.name('team/app:1')}" for one in (remote, other))
    assert smidgen("copy", source, target).lines == [f"{other.name('team/app:1')}@{root.digest}"]
    assert other.tag("team/app", "1") == root.digest
    check_registry(other.registry)
    assert not list(smidgen.store.rglob("sha256/*"))


def test_within_a_registry_blobs_are_mounted(smidgen: Smidgen, remote: Served, tmp_path: Path) -> None:
    elsewhere = ContentStore.open(tmp_path / "elsewhere")
    root = index(elsewhere)
    remote.publish(elsewhere, root, "team/app", "1")
    report = smidgen("copy", "--json", f"docker://{remote.name('team/app:1')}", f"docker://{remote.name('x/y:1')}").json
    assert report["mounted"] == 5
    assert remote.tag("x/y", "1") == root.digest


def test_referrers_on_request(smidgen: Smidgen, remote: Served, other: Served, tmp_path: Path) -> None:
    elsewhere = ContentStore.open(tmp_path / "elsewhere")
    root = index(elsewhere)
    remote.publish(elsewhere, root, "team/app", "1")
    signature = sign(remote, "team/app", root)
    source = f"docker://{remote.name('team/app:1')}"
    smidgen("copy", source, f"docker://{other.name('bare/app:1')}")
    smidgen("copy", "--referrers", source, f"docker://{other.name('team/app:1')}")
    assert ("team/app", signature) in other.registry.manifests
    assert ("bare/app", signature) not in other.registry.manifests
    refused = smidgen("copy", "--referrers", source, "oci:layout", fails=True)
    assert refused.exit_code == 2
    assert "referrers" in refused.stderr


def test_referrers_by_way_of_the_store(smidgen: Smidgen, remote: Served, other: Served, tmp_path: Path) -> None:
    elsewhere = ContentStore.open(tmp_path / "elsewhere")
    root = index(elsewhere)
    remote.publish(elsewhere, root, "team/app", "1")
    signature = sign(remote, "team/app", root)
    name = remote.name("team/app:1")
    smidgen("pull", "--referrers", name)
    smidgen("gc")
    smidgen("push", "--referrers", name, other.name("team/app:1"))
    assert ("team/app", signature) in other.registry.manifests
    check_registry(other.registry)


def test_from_a_registry_to_everywhere(smidgen: Smidgen, remote: Served, tmp_path: Path) -> None:
    elsewhere = ContentStore.open(tmp_path / "elsewhere")
    root = index(elsewhere)
    remote.publish(elsewhere, root, "team/app", "1")
    places = ["oci:layout:x", "oci-archive:a.tar:y", "docker-archive:d.tar:z:1", "app:1", "layouts:1"]
    places.insert(2, f"docker://{remote.name('b/c:1')}")
    outcome = smidgen("copy", f"docker://{remote.name('team/app:1')}", *places)
    shown = [place.removeprefix("docker://") for place in places]
    shown[3] = "docker-archive:d.tar:docker.io/library/z:1"
    assert outcome.lines == [f"{place}@{root.digest}" for place in shown]
    assert remote.tag("b/c", "1") == root.digest
    assert ref_names(tmp_path / "layout") == ["x"]
    assert check_store(ContentStore.open(smidgen.store), root) == 8


@pytest.mark.parametrize(
    ("path", "name"), [("oci:layout", "any name"), ("oci-archive:a.tar", "1.0"), ("docker-archive:d.tar", "team/app:7")]
)
def test_there_and_back(smidgen: Smidgen, images: Images, path: str, name: str) -> None:
    smidgen("copy", "app:1.0", f"{path}:{name}")
    assert smidgen("copy", f"{path}:{name}", "back:1").lines == [f"back:1@{images.app.digest}"]
    # It is the only one there.
    assert smidgen("copy", path, "back:2").lines == [f"back:2@{images.app.digest}"]


def test_a_layout_of_several_images(smidgen: Smidgen, images: Images, tmp_path: Path) -> None:
    smidgen("copy", "app:1.0", "oci:layout:a")
    smidgen("copy", "one:1.0", "oci:layout:b")
    smidgen("copy", "one:1.0", "oci:layout:a")
    assert sorted(map(str, ref_names(tmp_path / "layout"))) == ["a", "b"]
    assert smidgen("copy", "oci:layout:a", "x:1").lines == [f"x:1@{images.one.digest}"]
    assert smidgen("copy", f"oci:layout@{images.one.digest}", "x:2").lines == [f"x:2@{images.one.digest}"]
    smidgen("copy", "app:1.0", "oci:layout:c")
    outcome = smidgen("copy", "oci:layout", "x:3", fails=True)
    assert outcome.exit_code == 2
    assert "several images: b, a, c" in outcome.stderr
    assert "it has b, a, c" in smidgen("copy", "oci:layout:d", "x:3", fails=True).stderr


def test_one_platform(smidgen: Smidgen, images: Images, tmp_path: Path) -> None:
    arm64 = images.platforms[1]
    assert smidgen("copy", "--platform", "linux/arm64", "app:1.0", "oci:layout:a").lines == [
        f"oci:layout:a@{arm64.digest}"
    ]
    several = smidgen("copy", "--platform", "linux/arm64,linux/amd64", "app:1.0", "oci:layout:b", fails=True)
    assert several.exit_code == 2
    assert "several platforms" in several.stderr
    # A single image is for one of them, or for none.
    assert smidgen("copy", "--platform", "linux/arm64,linux/amd64", "one:1.0", "oci:layout:b").exit_code == 0
    assert "platform linux/arm64" in smidgen("copy", "--platform", "linux/arm64", "one:1.0", "x", fails=True).stderr


def test_docker(smidgen: Smidgen, images: Images, engine: DockerSocket, tmp_path: Path) -> None:
    env = {"DOCKER_HOST": engine.host}
    assert smidgen("copy", "one:1.0", "docker-daemon:two:1", env=env).lines == [
        f"docker-daemon:two:1@{images.one.digest}"
    ]
    engine.archives["two:1"] = engine.loaded[0]
    assert smidgen("copy", "docker-daemon:two:1", "three:1", env=env).lines == [f"three:1@{images.one.digest}"]
    assert "'four:latest' in docker not found" in smidgen("copy", "docker-daemon:four", "x", env=env, fails=True).stderr


def test_other_tools_read_it(smidgen: Smidgen, images: Images, tmp_path: Path) -> None:
    smidgen("copy", "one:1.0", "oci:layout:ours", "oci-archive:a.tar:ours", "docker-archive:d.tar:team/ours:1")
    for place in ("oci:layout:ours", "oci-archive:a.tar:ours"):
        raw = subprocess.run(["skopeo", "inspect", "--raw", place], cwd=tmp_path, check=True, capture_output=True)
        assert raw.stdout == images.store.get(images.one)
    subprocess.run(
        ["skopeo", "inspect", "--raw", "docker-archive:d.tar:team/ours:1"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )


def test_what_other_tools_wrote(smidgen: Smidgen, images: Images, tmp_path: Path) -> None:
    smidgen("copy", "one:1.0", "oci:layout:ours")
    for place in ("oci:theirs:1.0", "oci-archive:theirs.tar:1.0", "docker-archive:theirs.dtar:team/x:1"):
        subprocess.run(
            ["skopeo", "copy", "--insecure-policy", "oci:layout:ours", place],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
        smidgen("copy", place, "back:1")
    assert smidgen("copy", "oci:theirs:1.0", "back:2").lines == [f"back:2@{images.one.digest}"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("oci:none", "x"), "image layout none not found"),
        (("oci-archive:none.tar", "x"), "archive none.tar not found"),
        (("containers-storage:x", "y"), "podman load"),
        (("one:1.0", "dir:x"), "oci:DIRECTORY"),
        (("one:1.0", "oci:layout@sha256:" + "0" * 64), "digest follows from the content"),
        (("one:1.0", "x@sha256:" + "0" * 64), "cannot have a digest"),
        (("one:1.0", "docker-daemon:" + "0" * 64), "ID follows from the content"),
        (("none", "x"), "image 'none:latest' not found"),
        (("one:1.0", "docker-daemon:x"), "Cannot connect to the Docker daemon"),
    ],
)
def test_wrong_requests(
    smidgen: Smidgen, images: Images, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    outcome = smidgen("copy", *arguments, fails=True, env={"DOCKER_HOST": f"unix://{tmp_path}/none"})
    assert message in outcome.stderr
    assert "hint:" in outcome.stderr
    assert outcome.stdout == ""


@pytest.mark.e2e
def test_a_real_docker_engine(smidgen: Smidgen, docker: Docker, nobody: None, tmp_path: Path) -> None:
    store = ContentStore.open(smidgen.store)
    program = [Entry.file("hello", hello_program(), mode=0o755)]
    name = [Entry.directory("etc"), Entry.file("etc/name", b"docker\n")]
    run = RunConfig(entrypoint=("/hello",))
    machine = Platform.parse(f"linux/{os.uname().machine}")
    store.tag(Reference.parse("hello:1"), put_image(store, program, name, run=run, platform=machine))
    # Without the docker command: the engine is asked at its socket.
    env = {"DOCKER_HOST": docker.host, "PATH": str(tmp_path)}
    smidgen("copy", "hello:1", "docker-daemon:team/hello:2", env=env)
    assert docker.run("team/hello:2") == "hello from docker\n"
    smidgen("copy", "docker-daemon:team/hello:2", "back:2", env=env)
    identity = docker("image", "inspect", "--format", "{{.Id}}", "team/hello:2").strip()
    assert smidgen("copy", f"docker-daemon:{identity}", "back:3", env=env).lines[0].startswith("back:3@sha256:")
    # Docker unpacked the layers, so they are compared as trees.
    assert smidgen("ls", "-R", "back:2").lines == smidgen("ls", "-R", "hello:1").lines
    gone = smidgen("copy", "docker-daemon:none:1", "x", env=env, fails=True)
    assert "'none:1' in docker not found" in gone.stderr


@pytest.mark.e2e
def test_an_engine_that_only_the_docker_command_reaches(
    smidgen: Smidgen, images: Images, docker: Docker, nobody: None, tmp_path: Path
) -> None:
    config = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    must("docker", "context", "create", "far", "--docker", f"host={docker.host}", env=os.environ | config)
    env = config | {"DOCKER_CONTEXT": "far"}
    smidgen("copy", "one:1.0", "docker-daemon:far/one:1", env=env)
    assert docker("image", "inspect", "--format", "{{.Os}}", "far/one:1").strip() == "linux"
    assert smidgen("copy", "docker-daemon:far/one:1", "back:1", env=env).lines[0].startswith("back:1@")
    gone = smidgen("copy", "docker-daemon:far/none:1", "x", env=env, fails=True)
    assert "'far/none:1' in docker not found" in gone.stderr
    away = smidgen("copy", "docker-daemon:far/one:1", "x", env=env | {"PATH": str(tmp_path)}, fails=True)
    assert "docker is not on PATH" in away.stderr
