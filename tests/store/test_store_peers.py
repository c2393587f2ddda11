"""Other people's tools take archives and layouts as they are; and we take theirs."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import decode_manifest
from smidgen.oci.reference import Reference
from smidgen.store.archive import Item, read_archive, read_layout, write_archive_file, write_layout
from smidgen.store.content import ContentStore
from support.command import must
from support.dockerd import Docker
from support.go_tools import cache_directory, go, locked
from support.layouts import Layout
from support.podman import Podman
from support.small_images import AMD64, ARM64, put_image, put_index

pytestmark = pytest.mark.e2e

HELLO = Reference.parse("hello:1.0")
TEAM = Reference.parse("ghcr.io/team/hello:1.0")
MULTI = Reference.parse("hello:multi")
_PROGRAM = 'package main\n\nfunc main() { println("hello from image") }\n'


@pytest.fixture(scope="session")
def program() -> bytes:
    """A static program for this machine that says hello."""
    target = cache_directory() / "bin" / "store-hello"
    with locked("store-hello") as cache:
        if not target.exists():
            source = cache / "store-hello.go"
            source.write_text(_PROGRAM)
            environment = {"GOOS": "linux", "CGO_ENABLED": "0", "GOFLAGS": ""}
            command = ["env", *(f"{key}={value}" for key, value in environment.items()), go(), "build"]
            subprocess.run([*command, "-trimpath", "-o", target, source], check=True, cwd=cache)
    return target.read_bytes()


@dataclass(frozen=True)
class Images:
    """A store with the same program as one image, in other compressions, and as an index."""

    store: ContentStore
    gzip: Descriptor
    plain: Descriptor
    zstd: Descriptor
    index: Descriptor

    def archive(self, path: Path, *items: Item) -> Path:
        write_archive_file(self.store, items, path)
        return path


@pytest.fixture
def images(tmp_path: Path, program: bytes) -> Images:
    store = ContentStore.open(tmp_path / "store")
    layers = ([Entry.file("hello", program, mode=0o755)], [Entry.directory("etc"), Entry.file("etc/name", b"hello\n")])
    image, plain, zstd = (put_image(store, *layers, compression=one) for one in ("gzip:9", "none", "zstd:3"))
    foreign = put_image(store, *layers, platform=ARM64)
    return Images(store, image, plain, zstd, put_index(store, [(ARM64, foreign), (AMD64, image)]))


def copied(path: Path) -> str:
    """Give the digest of the manifest that skopeo copied to the directory *path*."""
    manifest = (path / "manifest.json").read_bytes()
    return Descriptor.of(manifest, media_type="").digest


class TestDocker:
    def test_load_and_run(self, images: Images, docker: Docker, tmp_path: Path) -> None:
        for descriptor in (images.gzip, images.plain):
            archive = images.archive(tmp_path / "hello.tar", (HELLO, descriptor), (TEAM, descriptor))
            said = docker("load", "-i", archive).splitlines()
            assert said[-2:] == ["Loaded image: hello:1.0", "Loaded image: ghcr.io/team/hello:1.0"]
            assert docker.run("hello:1.0") == "hello from image\n"
            assert docker.run(str(TEAM)) == "hello from image\n"
            docker("rmi", "hello:1.0", str(TEAM))

    def test_an_index_loads_as_the_image_of_the_machine(self, images: Images, docker: Docker, tmp_path: Path) -> None:
        docker("load", "-i", images.archive(tmp_path / "multi.tar", (MULTI, images.index)))
        config = decode_manifest(images.store.get(images.gzip)).config
        assert docker("image", "inspect", "--format", "{{.Id}}", "hello:multi").strip() == config.digest
        docker("rmi", "hello:multi")

    def test_an_image_without_a_name(self, images: Images, docker: Docker, tmp_path: Path) -> None:
        config = decode_manifest(images.store.get(images.gzip)).config
        said = docker("load", "-i", images.archive(tmp_path / "anonymous.tar", (None, images.gzip)))
        assert said.splitlines()[-1] == f"Loaded image ID: {config.digest}"
        docker("rmi", config.digest)

    def test_what_docker_saves_is_read(self, images: Images, docker: Docker, tmp_path: Path) -> None:
        docker("load", "-i", images.archive(tmp_path / "hello.tar", (HELLO, images.gzip)))
        docker("save", "-o", tmp_path / "saved.tar", "hello:1.0")
        docker("rmi", "hello:1.0")
        other = ContentStore.open(tmp_path / "other")
        with (tmp_path / "saved.tar").open("rb") as file:
            ((name, descriptor),) = read_archive(other, file)
        assert name == HELLO
        assert decode_manifest(other.get(descriptor)).layers == decode_manifest(images.store.get(images.plain)).layers

    def test_containerd_imports_all_platforms(self, images: Images, docker: Docker, tmp_path: Path) -> None:
        archive = images.archive(
            tmp_path / "many.tar", (HELLO, images.gzip), (MULTI, images.index), (TEAM, images.zstd)
        )
        docker.ctr("images", "import", "--all-platforms", archive)
        lines = {line.split()[0]: line for line in docker.ctr("images", "list").splitlines()[1:]}
        assert images.gzip.digest in lines[str(HELLO)]
        assert images.index.digest in lines[str(MULTI)]
        assert "linux/amd64,linux/arm64" in lines[str(MULTI)]
        assert images.zstd.digest in lines[str(TEAM)]
        # And back: containerd's own archive of all of it.
        docker.ctr("images", "export", "--all-platforms", tmp_path / "exported.tar", str(HELLO), str(MULTI))
        with (tmp_path / "exported.tar").open("rb") as file:
            found = dict(read_archive(ContentStore.open(tmp_path / "other"), file))
        assert (found[HELLO].digest, found[MULTI].digest) == (images.gzip.digest, images.index.digest)
        docker.ctr("images", "remove", *lines)


class TestPodman:
    def test_load_and_run(self, images: Images, podman: Podman, tmp_path: Path) -> None:
        archive = images.archive(tmp_path / "hello.tar", (HELLO, images.gzip), (TEAM, images.gzip))
        said = podman("load", "-i", archive)
        assert f"Loaded image: {HELLO}" in said
        assert f"Loaded image: {TEAM}" in said
        podman.run(str(HELLO))

    @pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
    def test_what_podman_saves_is_read(self, images: Images, podman: Podman, tmp_path: Path, form: str) -> None:
        podman("load", "-i", images.archive(tmp_path / "multi.tar", (MULTI, images.index)))
        podman("save", "--format", form, "-o", tmp_path / "saved.tar", str(MULTI))
        other = ContentStore.open(tmp_path / "other")
        with (tmp_path / "saved.tar").open("rb") as file:
            ((name, descriptor),) = read_archive(other, file)
        assert name == MULTI
        assert len(decode_manifest(other.get(descriptor)).layers) == 2


class TestSkopeo:
    def copy(self, source: str, target: Path, *options: str) -> None:
        shutil.rmtree(target, ignore_errors=True)
        must("skopeo", "--insecure-policy", "copy", "--quiet", *options, source, f"dir:{target}")

    def test_copies_from_an_archive(self, images: Images, tmp_path: Path) -> None:
        target = tmp_path / "copy"
        for descriptor in (images.gzip, images.plain, images.zstd):
            archive = images.archive(tmp_path / "hello.tar", (HELLO, descriptor))
            for source in (f"oci-archive:{archive}", f"oci-archive:{archive}:1.0"):
                self.copy(source, target)
                assert copied(target) == descriptor.digest
            self.copy(f"docker-archive:{archive}:{HELLO}", target)
            config = decode_manifest(images.store.get(descriptor)).config.digest
            assert json.loads((target / "manifest.json").read_text())["config"]["digest"] == config

    def test_copies_from_an_archive_of_several(self, images: Images, tmp_path: Path) -> None:
        archive = images.archive(
            tmp_path / "many.tar", (HELLO, images.gzip), (TEAM, images.plain), (MULTI, images.index)
        )
        self.copy(f"oci-archive:{archive}:{TEAM}", tmp_path / "copy")
        assert copied(tmp_path / "copy") == images.plain.digest
        self.copy(f"oci-archive:{archive}:{MULTI}", tmp_path / "copy", "--all")
        assert copied(tmp_path / "copy") == images.index.digest

    def test_copies_from_a_layout_and_from_the_store(self, images: Images, tmp_path: Path) -> None:
        write_layout(images.store, [(HELLO, images.gzip), (MULTI, images.index)], tmp_path / "layout")
        self.copy(f"oci:{tmp_path}/layout:1.0", tmp_path / "copy")
        assert copied(tmp_path / "copy") == images.gzip.digest
        images.store.tag(MULTI, images.index)
        self.copy(f"oci:{images.store.root}:{MULTI}", tmp_path / "copy", "--all")
        assert copied(tmp_path / "copy") == images.index.digest

    def test_what_skopeo_writes_is_read(self, images: Images, tmp_path: Path) -> None:
        archive = images.archive(tmp_path / "hello.tar", (HELLO, images.gzip))
        for at, target in enumerate(("oci-archive", "docker-archive")):
            written = tmp_path / f"{at}.tar"
            must("skopeo", "--insecure-policy", "copy", f"oci-archive:{archive}", f"{target}:{written}:{HELLO}")
            with written.open("rb") as file:
                ((name, _),) = read_archive(ContentStore.open(tmp_path / "other"), file)
            assert name == HELLO
        must("skopeo", "--insecure-policy", "copy", f"oci-archive:{archive}", f"oci:{tmp_path}/layout:tag")
        assert read_layout(ContentStore.open(tmp_path / "other"), tmp_path / "layout") == ((None, images.gzip),)

    def test_skopeo_may_write_into_the_store(self, images: Images, tmp_path: Path) -> None:
        """The store is an ordinary layout: what others put there is kept, by ``gc`` too."""
        archive = images.archive(tmp_path / "hello.tar", (HELLO, images.gzip))
        store = ContentStore.open(tmp_path / "shared")
        must("skopeo", "--insecure-policy", "copy", f"oci-archive:{archive}", f"oci:{store.root}:{TEAM}")
        assert store.resolve(TEAM) == images.gzip
        assert store.gc().blobs == ()
        assert store.get(store.resolve(TEAM)) == images.store.get(images.gzip)


class TestUmoci:
    def test_unpacks_a_layout_and_an_unpacked_archive(self, images: Images, program: bytes, tmp_path: Path) -> None:
        write_layout(images.store, [(HELLO, images.gzip)], tmp_path / "layout")
        shutil.unpack_archive(images.archive(tmp_path / "a.tar", (HELLO, images.plain)), tmp_path / "a", filter="data")
        for layout in ("layout", "a"):
            bundle = tmp_path / f"bundle-{layout}"
            must("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/{layout}:1.0", bundle)
            assert (bundle / "rootfs" / "hello").read_bytes() == program
            assert (bundle / "rootfs" / "etc" / "name").read_text() == "hello\n"


class TestSpecification:
    def test_documents_obey_the_json_schemas(self, images: Images, tmp_path: Path) -> None:
        images.store.tag_all({HELLO: images.gzip, TEAM: images.zstd, MULTI: images.index})
        Layout(images.store.root).check()
        items = tuple(images.store.tags().items())
        write_layout(images.store, items, tmp_path / "layout")
        Layout(tmp_path / "layout").check()
        shutil.unpack_archive(images.archive(tmp_path / "a.tar", *items), tmp_path / "a", filter="data")
        Layout(tmp_path / "a").check()
