"""Other people's clients push to it and pull from it; and what they push runs."""

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.reference import Reference
from smidgen.store.archive import write_layout
from smidgen.store.blobs import Blobs
from smidgen.store.closure import is_whole
from smidgen.store.content import ContentStore
from support.command import Smidgen, must
from support.dockerd import Docker
from support.go_tools import CRANE, cache_directory, go, go_tool, locked
from support.podman import Podman
from support.serving_process import serving_process
from support.small_images import AMD64, ARM64, put_image, put_index

pytestmark = pytest.mark.e2e

REGCTL = "github.com/regclient/regclient/cmd/regctl@v0.11.7"
_PROGRAM = 'package main\n\nfunc main() { println("hello from image") }\n'


@pytest.fixture(scope="session")
def program() -> bytes:
    """A static program for this machine that says hello."""
    target = cache_directory() / "bin" / "server-hello"
    with locked("server-hello") as cache:
        if not target.exists():
            source = cache / "server-hello.go"
            source.write_text(_PROGRAM)
            environment = os.environ | {"GOOS": "linux", "CGO_ENABLED": "0", "GOFLAGS": ""}
            subprocess.run([go(), "build", "-trimpath", "-o", target, source], check=True, cwd=cache, env=environment)
    return target.read_bytes()


@dataclass(frozen=True)
class Images:
    """A store of its own with an image and an index, and a layout with both for clients that push."""

    store: ContentStore
    image: Descriptor
    index: Descriptor
    layout: Path


@pytest.fixture
def images(tmp_path: Path, program: bytes) -> Images:
    store = ContentStore.open(tmp_path / "source")
    layers = [Entry.file("hello", program, mode=0o755)], [Entry.directory("etc"), Entry.file("etc/name", b"hello\n")]
    image, foreign = put_image(store, *layers), put_image(store, *layers, platform=ARM64)
    index = put_index(store, [(ARM64, foreign), (AMD64, image)])
    names = [(Reference.parse("hello:one"), image), (Reference.parse("hello:all"), index)]
    write_layout(store, names, tmp_path / "layout")
    return Images(store, image, index, tmp_path / "layout")


@pytest.fixture
def address(store: ContentStore) -> Iterator[str]:
    with serving_process(store.root) as running:
        yield running.address


def skopeo(*arguments: str) -> str:
    return must("skopeo", "--insecure-policy", *arguments)


def push(images: Images, address: str, name: str = "hello") -> None:
    for tag in ("one", "all"):
        target = f"docker://{address}/{name}:{tag}"
        skopeo("copy", "--all", "--quiet", "--dest-tls-verify=false", f"oci:{images.layout}:{tag}", target)


def test_skopeo(images: Images, store: ContentStore, address: str, tmp_path: Path) -> None:
    push(images, address)
    push(images, address, "ghcr.io/me/hello")
    assert store.resolve(Reference.parse("hello:all")) == images.index
    assert store.resolve(Reference.parse("ghcr.io/me/hello:one")) == images.image
    # What the pushes by digest needed has gone with the tags.
    assert len(store.roots()) == 4
    source = f"docker://{address}/library/hello:all"
    skopeo("copy", "--all", "--quiet", "--src-tls-verify=false", source, f"oci:{tmp_path}/back:all")
    assert (tmp_path / "back/blobs/sha256" / images.index.digest[7:]).read_bytes() == images.store.get(images.index)
    told = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{address}/hello"))
    assert told["Tags"] == ["all", "one"]
    assert json.loads(skopeo("inspect", "--tls-verify=false", source))["Digest"] == images.index.digest
    skopeo("delete", "--tls-verify=false", f"docker://{address}/hello:one")
    # As everywhere, by the digest that the tag names: it stays in the index, and without a tag.
    assert Reference.parse("hello:one") not in store.tags()
    assert is_whole(store, store.resolve(Reference.parse("hello:all")))


def test_crane(images: Images, store: ContentStore, address: str, tmp_path: Path) -> None:
    crane = go_tool(CRANE)
    push(images, address)
    for name in ("hello:one", "hello:all"):
        must(crane, "validate", "--remote", f"{address}/{name}")
    assert must(crane, "digest", f"{address}/hello:all").strip() == images.index.digest
    assert must(crane, "ls", f"{address}/hello").split() == ["all", "one"]
    must(crane, "copy", f"{address}/hello:all", f"{address}/me/copy:1")
    must(crane, "tag", f"{address}/me/copy:1", "2")
    assert must(crane, "catalog", address).split() == ["hello", "me/copy"]
    must(crane, "pull", "--platform", "linux/amd64", f"{address}/me/copy:2", tmp_path / "pulled.tar")
    must(crane, "push", tmp_path / "pulled.tar", f"{address}/pushed:1")
    must(crane, "validate", "--remote", f"{address}/pushed:1")
    pulled = f"{address}/hello@{must(crane, 'digest', '--platform', 'linux/arm64', f'{address}/hello:all').strip()}"
    assert json.loads(must(crane, "config", pulled))["architecture"] == "arm64"
    must(crane, "export", f"{address}/hello:one", tmp_path / "exported.tar")
    must(crane, "mutate", "--label", "a=b", "--tag", f"{address}/changed:1", f"{address}/hello:one")
    must(crane, "delete", f"{address}/me/copy:2")
    assert must(crane, "ls", f"{address}/me/copy").split() == ["1"]
    for descriptor in store.tags().values():
        assert is_whole(store, descriptor)


def test_regctl(images: Images, store: ContentStore, address: str, tmp_path: Path) -> None:
    regctl = (go_tool(REGCTL), "--host", f"reg={address},tls=disabled")
    push(images, address)
    name, copy = f"{address}/hello:all", f"{address}/copy:1"
    for kind in ("application/x.signature", "application/x.parts"):
        (tmp_path / "artifact").write_text(kind)
        options = ("--artifact-type", kind, "--subject", name, "--file", tmp_path / "artifact")
        must(*regctl, "artifact", "put", *options)
    must(*regctl, "image", "copy", "--referrers", name, copy)
    for image in (name, copy):
        assert len(json.loads(must(*regctl, "artifact", "list", "--format", "{{json .Descriptors}}", image))) == 2
        wanted = ("--filter-artifact-type", "application/x.parts")
        (found,) = json.loads(must(*regctl, "artifact", "list", *wanted, "--format", "{{json .Descriptors}}", image))
        assert must(*regctl, "artifact", "get", f"{address}/copy@{found['digest']}") == "application/x.parts"
    assert must(*regctl, "tag", "ls", f"{address}/hello").split() == ["all", "one"]
    assert must(*regctl, "repo", "ls", address).split() == ["copy", "hello"]
    must(*regctl, "tag", "delete", copy)
    must(*regctl, "manifest", "delete", "--force-tag-dereference", f"{address}/hello:one")
    assert {str(reference) for reference in store.tags()} == {"docker.io/library/hello:all"}
    # Signatures live as long as what they sign, and no longer.
    blobs = len(store.gc(wait=60).blobs)
    store.untag(Reference.parse("hello:all"))
    assert (blobs, store.gc(wait=60).blobs != (), list(Blobs(store.root).digests())) == (0, True, [])


def test_our_own_client(images: Images, store: ContentStore, address: str, tmp_path: Path) -> None:
    theirs = Smidgen(store=images.store.root, cwd=tmp_path)
    images.store.tag(Reference.parse(f"{address}/hello:all"), images.index)
    theirs("push", f"{address}/hello:all")
    assert store.resolve(Reference.parse("hello:all")) == images.index
    assert theirs("tags", f"{address}/hello").lines == ["all"]
    theirs("copy", f"docker://{address}/hello:all", f"docker://{address}/me/copy:2")
    ours = Smidgen(store=tmp_path / "pulled", cwd=tmp_path)
    ours("pull", f"{address}/me/copy:2")
    assert ContentStore.open(ours.store).resolve(Reference.parse(f"{address}/me/copy:2")) == images.index
    theirs("delete", f"{address}/me/copy:2")
    assert [str(reference) for reference in store.tags()] == ["docker.io/library/hello:all"]


def test_docker(images: Images, store: ContentStore, address: str, docker: Docker, smidgen: Smidgen) -> None:
    push(images, address)
    for tag in ("one", "all"):
        name = f"{address}/hello:{tag}"
        docker("pull", "--quiet", name)
        assert docker.run(name, "/hello") == "hello from image\n"
    # And what docker pushes is what the name means on our command line.
    docker("tag", f"{address}/hello:one", f"{address}/pushed")
    docker("push", "--quiet", f"{address}/pushed")
    outcome = smidgen("run", "pushed", "--", "/hello") if os.geteuid() == 0 else smidgen("inspect", "pushed")
    assert "hello from image" in outcome.stderr + outcome.stdout or os.geteuid()
    docker("rmi", f"{address}/hello:one", f"{address}/hello:all", f"{address}/pushed")
    assert is_whole(store, store.resolve(Reference.parse("pushed:latest")))


def test_podman(images: Images, store: ContentStore, address: str, podman: Podman) -> None:
    push(images, address)
    name = f"{address}/hello:all"
    podman("pull", "--quiet", "--tls-verify=false", name)
    podman.run(name, "/hello")
    podman("push", "--quiet", "--tls-verify=false", name, f"{address}/podman/pushed:1")
    podman("push", "--quiet", "--tls-verify=false", "--format", "v2s2", name, f"{address}/podman/pushed:2")
    for tag in ("1", "2"):
        assert is_whole(store, store.resolve(Reference.parse(f"podman/pushed:{tag}")))


def test_with_tls_and_a_password(images: Images, store: ContentStore, tmp_path: Path) -> None:
    certificate, key, password = tmp_path / "ca.crt", tmp_path / "key.pem", tmp_path / "password"
    password.write_text("secret\n")
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    must(*made, "-subj", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", key)
    options = ("--tls-cert", certificate, "--tls-key", key, "--user", "me", "--password-file", password)
    with serving_process(store.root, "-v", *options) as running:
        target = f"docker://{running.address}/hello:one"
        trusted = ("--dest-cert-dir", str(tmp_path))
        skopeo("copy", "--quiet", *trusted, "--dest-creds", "me:secret", f"oci:{images.layout}:one", target)
        refused = subprocess.run(
            ["skopeo", "--insecure-policy", "inspect", "--creds", "me:wrong", "--cert-dir", tmp_path, target],
            capture_output=True,
            text=True,
            check=False,
        )
        assert refused.returncode
        assert "user and password are needed" in refused.stderr or "unauthorized" in refused.stderr.lower()
        _, _, stderr = running.end()
    assert "secret" not in stderr
    assert store.resolve(Reference.parse("hello:one")) == images.image


def test_many_clients_push_the_same(images: Images, store: ContentStore, address: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: push(images, address, f"hello{number % 3}"), range(6)))
    assert len(store.tags()) == 6
    assert {found.digest for found in store.tags().values()} == {images.image.digest, images.index.digest}
    assert not os.listdir(store.root / "ingest")
