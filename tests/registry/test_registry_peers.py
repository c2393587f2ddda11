"""Registries and clients that other people wrote: what we push they run, what they push we have, byte by byte."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import decode_index, decode_manifest
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.registry.client import Client
from smidgen.registry.copy import copy
from smidgen.registry.pull import pull
from smidgen.registry.push import push
from smidgen.registry.repository import Repository
from smidgen.registry.session import Session
from smidgen.store.content import ContentStore
from support.command import must
from support.dockerd import Docker
from support.hello_program import hello_program
from support.podman import Podman
from support.real_registries import REAL, RealRegistry
from support.registry_images import check_store
from support.small_images import AMD64, ARM64, put_image, put_index

pytestmark = pytest.mark.e2e

_GREETING = "hello from a registry\n"


@dataclass(frozen=True)
class Images:
    """A store with a program that says hello, as an image, compressed otherwise, and as an index."""

    store: ContentStore
    image: Descriptor
    zstd: Descriptor
    index: Descriptor


@pytest.fixture
def images(store: ContentStore) -> Images:
    layers = (
        [Entry.file("hello", hello_program(), mode=0o755)],
        [Entry.directory("etc"), Entry.file("etc/name", _GREETING.removeprefix("hello from ").encode())],
    )
    image, zstd = (put_image(store, *layers, compression=one) for one in ("gzip:1", "zstd:1"))
    foreign = put_image(store, *layers, platform=ARM64)
    return Images(store, image, zstd, put_index(store, [(ARM64, foreign), (AMD64, image)]))


@pytest.fixture
def podman() -> Iterator[Podman]:
    with TemporaryDirectory(prefix="podman-") as name:
        peer = Podman(Path(name))
        yield peer
        peer.close()


def place(real: RealRegistry, name: str, test: Path) -> str:
    """Name an image of this test alone: the registry is that of many."""
    return real.reference(f"{hashlib.sha256(str(test).encode()).hexdigest()[:12]}/{name}")


def opened(real: RealRegistry) -> Session:
    return Session(environ=real.environment())


def fetched(real: RealRegistry, text: str, directory: Path, *platforms: str) -> tuple[ContentStore, Descriptor]:
    """Pull into an empty store."""
    target = ContentStore.open(directory)
    wanted = tuple(Platform.parse(one) for one in platforms) or None
    with opened(real) as session, target.writing():
        found = pull(session, Reference.parse(text), target, platforms=wanted)
    check_store(target, found)
    return target, found


@pytest.mark.parametrize("real", REAL, indirect=True)
class TestWhatWePush:
    def test_crane_and_skopeo_find_nothing_wrong(
        self, real: RealRegistry, images: Images, crane: Path, tmp_path: Path
    ) -> None:
        environment = real.environment()
        for tag, root in (("image", images.image), ("index", images.index), ("zstd", images.zstd)):
            name = place(real, f"app:{tag}", tmp_path)
            with opened(real) as session:
                push(session, images.store, root, (Reference.parse(name),))
            assert must(crane, "digest", name, env=environment).strip() == root.digest
            if tag != "zstd":
                # crane takes every layer for gzip.
                assert "PASS" in must(crane, "validate", "--remote", name, env=environment)
            skopeo = ("skopeo", "--insecure-policy", "copy", "--all", "--quiet", *_tls(real, "src"))
            must(*skopeo, f"docker://{name}", f"dir:{tmp_path}/{tag}", env=environment)
            manifest = (tmp_path / tag / "manifest.json").read_bytes()
            assert Descriptor.of(manifest, media_type="").digest == root.digest

    def test_docker_pulls_and_runs_it(self, real: RealRegistry, images: Images, docker: Docker, tmp_path: Path) -> None:
        name = place(real, "app:1", tmp_path)
        with opened(real) as session:
            push(session, images.store, images.index, (Reference.parse(name),))
        _log_in(docker, real)
        docker("pull", "--quiet", name)
        assert docker.run(name) == _GREETING
        docker("rmi", "--force", name)

    def test_podman_pulls_and_runs_it(self, real: RealRegistry, images: Images, podman: Podman, tmp_path: Path) -> None:
        name = place(real, "app:1", tmp_path)
        with opened(real) as session:
            push(session, images.store, images.index, (Reference.parse(name),))
        podman("pull", "--quiet", "--tls-verify=false", *_authfile(real), name)
        assert podman.run(name) == _GREETING

    def test_it_comes_back_the_same(self, real: RealRegistry, images: Images, tmp_path: Path) -> None:
        name = place(real, "app:1", tmp_path)
        with opened(real) as session:
            push(session, images.store, images.index, (Reference.parse(name), Reference.parse(f"{name}-too")))
        target, found = fetched(real, f"{name}-too", tmp_path / "target")
        assert found == images.index
        assert target.get(found) == images.store.get(images.index)
        by_digest = f"{name.rpartition(':')[0]}@{images.image.digest}"
        assert fetched(real, by_digest, tmp_path / "one")[1].digest == images.image.digest

    def test_one_platform_of_an_index(self, real: RealRegistry, images: Images, tmp_path: Path) -> None:
        name = place(real, "app:1", tmp_path)
        with opened(real) as session:
            push(session, images.store, images.index, (Reference.parse(name),))
        _, found = fetched(real, name, tmp_path / "one", "linux/amd64")
        assert found.digest == images.image.digest

    def test_again_sends_nothing(self, real: RealRegistry, images: Images, tmp_path: Path) -> None:
        name = Reference.parse(place(real, "app:1", tmp_path))
        with opened(real) as session:
            push(session, images.store, images.index, (name,))
            client = Client(session, Repository.of(name))
            for layer in decode_manifest(images.store.get(images.image)).layers:
                assert client.stat_blob(layer.digest) == layer.size
            assert list(client.tags()) == ["1"]
            again = push(session, images.store, images.index, (name,))
        assert not getattr(again, "bytes_sent", 0)


@pytest.mark.parametrize("real", REAL, indirect=True)
class TestWhatOthersPush:
    def test_crane(self, real: RealRegistry, crane: Path, tmp_path: Path) -> None:
        name = place(real, "crane:1", tmp_path)
        must("tar", "cf", tmp_path / "layer.tar", "-C", "/etc", "passwd")
        append = (crane, "append", "--oci-empty-base", "-f", tmp_path / "layer.tar", "-t", name)
        must(*append, env=real.environment())
        want = must(crane, "digest", name, env=real.environment()).strip()
        assert fetched(real, name, tmp_path / "target")[1].digest == want

    @pytest.mark.parametrize("form", ["v2s2", "oci"])
    def test_skopeo(self, real: RealRegistry, images: Images, crane: Path, tmp_path: Path, form: str) -> None:
        name = place(real, "skopeo:1", tmp_path)
        images.store.tag(Reference.parse("example.com/app:1"), images.image)
        source = f"oci:{images.store.root}:example.com/app:1"
        options = ("--quiet", "--format", form, *_tls(real, "dest"))
        must("skopeo", "--insecure-policy", "copy", *options, source, f"docker://{name}", env=real.environment())
        want = must(crane, "digest", name, env=real.environment()).strip()
        target, found = fetched(real, name, tmp_path / "target")
        assert found.digest == want
        assert ("docker" in found.media_type) == (form == "v2s2")
        assert len(decode_manifest(target.get(found), media_type=found.media_type).layers) == 2

    def test_docker(self, real: RealRegistry, crane: Path, docker: Docker, tmp_path: Path) -> None:
        name = place(real, "docker:1", tmp_path)
        must("tar", "cf", tmp_path / "root.tar", "-C", "/etc", "passwd")
        docker("import", tmp_path / "root.tar", name)
        _log_in(docker, real)
        docker("push", "--quiet", name)
        docker("rmi", name)
        want = must(crane, "digest", name, env=real.environment()).strip()
        _, found = fetched(real, name, tmp_path / "target")
        assert found.digest == want
        assert "docker" in found.media_type

    def test_podman(self, real: RealRegistry, crane: Path, podman: Podman, tmp_path: Path) -> None:
        name = place(real, "podman:1", tmp_path)
        must("tar", "cf", tmp_path / "root.tar", "-C", "/etc", "passwd")
        podman("import", "--quiet", tmp_path / "root.tar", name)
        podman("push", "--quiet", "--tls-verify=false", *_authfile(real), name)
        want = must(crane, "digest", name, env=real.environment()).strip()
        assert fetched(real, name, tmp_path / "target")[1].digest == want


@pytest.mark.parametrize("real", REAL, indirect=True)
class TestCopies:
    def test_within_a_registry_nothing_is_sent_twice(
        self, real: RealRegistry, images: Images, crane: Path, tmp_path: Path
    ) -> None:
        source, target = (Reference.parse(place(real, name, tmp_path)) for name in ("app:1", "elsewhere/app:2"))
        with opened(real) as session:
            push(session, images.store, images.index, (source,))
            copy(session, source, (target,))
        assert must(crane, "digest", str(target), env=real.environment()).strip() == images.index.digest
        assert "PASS" in must(crane, "validate", "--remote", str(target), env=real.environment())

    def test_into_another_registry(
        self, real: RealRegistry, images: Images, crane_server: RealRegistry, tmp_path: Path
    ) -> None:
        source = Reference.parse(place(real, "app:1", tmp_path))
        target = Reference.parse(place(crane_server, "copied:1", tmp_path))
        with opened(real) as session:
            push(session, images.store, images.index, (source,))
            copy(session, source, (target,))
        _, found = fetched(crane_server, str(target), tmp_path / "target")
        assert found.digest == images.index.digest

    def test_referrers_travel_on_request(self, real: RealRegistry, images: Images, tmp_path: Path) -> None:
        """Debian's registry has no API for them, crane's has."""
        source, target = (Reference.parse(place(real, name, tmp_path)) for name in ("app:1", "signed:1"))
        signature = put_image(images.store, [Entry.file("signature", b"0815")], subject=images.index)
        with opened(real) as session:
            push(session, images.store, images.index, (source,))
            named = source.__class__.parse(f"{source.name}@{signature.digest}")
            push(session, images.store, signature, (named,))
            found = Client(session, Repository.of(source)).referrers(images.index.digest)
            assert [one.digest for one in found] == [signature.digest]
            copy(session, source, (target,), referrers=True)
            found = Client(session, Repository.of(target)).referrers(images.index.digest)
        assert [one.digest for one in found] == [signature.digest]


@pytest.mark.parametrize("real", REAL, indirect=True)
def test_tags_and_deletion(real: RealRegistry, images: Images, tmp_path: Path) -> None:
    names = [Reference.parse(place(real, f"app:{at}", tmp_path)) for at in range(5)]
    with opened(real) as session:
        push(session, images.store, images.index, tuple(names))
        client = Client(session, Repository.of(names[0]))
        assert sorted(client.tags()) == ["0", "1", "2", "3", "4"]
        assert client.resolve("3").digest == images.index.digest
        assert client.find("no-such-tag") is None
        client.delete_manifest(images.index.digest)
        assert client.find("3") is None or real.kind == "crane"
    assert decode_index(images.store.get(images.index)).manifests


def _tls(real: RealRegistry, side: str) -> tuple[str, ...]:
    return () if real.bundle else (f"--{side}-tls-verify=false",)


def _authfile(real: RealRegistry) -> tuple[str, ...]:
    return ("--authfile", real.environment()["REGISTRY_AUTH_FILE"])


def _log_in(docker: Docker, real: RealRegistry) -> None:
    """Give docker's client what it needs; its daemon believes every certificate of a loopback address."""
    source = Path(real.environment()["DOCKER_CONFIG"]) / "config.json"
    (docker.config / "config.json").write_text(json.dumps(json.loads(source.read_bytes())))
