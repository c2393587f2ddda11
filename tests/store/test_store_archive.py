"""Archives and layouts: what is written reads back, what is hostile is refused."""

import gzip
import io
import json
import os
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.errors import (
    ContentError,
    DigestMismatch,
    InvalidArchive,
    InvalidContent,
    LimitExceeded,
    NotFound,
    SizeMismatch,
    StoreError,
)
from smidgen.layer.entry import Entry
from smidgen.oci.config import decode_config
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import decode_index, decode_manifest
from smidgen.oci.media_types import OCI_INDEX, OCI_LAYER, OCI_LAYER_GZIP, OCI_MANIFEST
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.store.archive import Item, read_archive, read_layout, write_archive, write_archive_file, write_layout
from smidgen.store.closure import held, walk
from smidgen.store.content import ContentStore
from support.small_images import AMD64, ARM64, put_image, put_index

WEB = Reference.parse("web:1.0")
TEAM = Reference.parse("ghcr.io/team/web:1.0")
FILES = (Entry.file("hello", b"#!" + bytes(5000), mode=0o755), Entry.file("etc", b"etc"))


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


@pytest.fixture
def other(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "other")


def archive(store: ContentStore, *items: Item, platform: Platform | None = None) -> bytes:
    file = io.BytesIO()
    write_archive(store, items, file, platform=platform)
    return file.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def tar_of(files: dict[str, bytes | tarfile.TarInfo]) -> bytes:
    """Write a tar as another tool would; a TarInfo is a member without content."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                content.name = name
                tar.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def link(target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


def docker_files(store: ContentStore, descriptor: Descriptor, *, tags: list[str] | None) -> dict[str, Any]:
    """Lay an image out as ``docker save`` did before version 25."""
    manifest = decode_manifest(store.get(descriptor))
    config = store.get(manifest.config)
    files: dict[str, Any] = {f"{manifest.config.digest[7:]}.json": config}
    layers = []
    for layer in manifest.layers:
        data = store.get(layer)
        directory = layer.digest[7:]
        files[f"{directory}/VERSION"] = b"1.0"
        files[f"{directory}/json"] = b"{}"
        files[f"{directory}/layer.tar"] = gzip.decompress(data) if layer.media_type == OCI_LAYER_GZIP else data
        layers.append(f"{directory}/layer.tar")
    files["manifest.json"] = json.dumps(
        [{"Config": f"{manifest.config.digest[7:]}.json", "RepoTags": tags, "Layers": layers}]
    ).encode()
    files["repositories"] = b"{}"
    return files


class TestWriting:
    def test_it_holds_both_formats(self, store: ContentStore) -> None:
        image = put_image(store, FILES)
        found = members(archive(store, (WEB, image)))
        manifest = decode_manifest(store.get(image))
        assert list(found)[:3] == ["oci-layout", "index.json", "manifest.json"]
        assert json.loads(found["manifest.json"]) == [
            {
                "Config": f"blobs/sha256/{manifest.config.digest[7:]}",
                "RepoTags": ["docker.io/library/web:1.0"],
                "Layers": [f"blobs/sha256/{layer.digest[7:]}" for layer in manifest.layers],
            }
        ]
        (entry,) = decode_index(found["index.json"]).manifests
        assert entry.digest == image.digest
        assert entry.annotations == {
            "org.opencontainers.image.ref.name": "1.0",
            "io.containerd.image.name": "docker.io/library/web:1.0",
        }
        assert all(sha == Descriptor.of(data, media_type="").digest[7:] for sha, data in blobs(found))

    def test_the_same_images_give_the_same_bytes(self, store: ContentStore, other: ContentStore) -> None:
        first = archive(store, (WEB, put_image(store, FILES, FILES)))
        assert archive(other, (WEB, put_image(other, FILES, FILES))) == first

    def test_several_names_of_one_image_are_one_item_for_docker(self, store: ContentStore) -> None:
        image = put_image(store, FILES)
        found = members(archive(store, (WEB, image), (TEAM, image), (WEB, image)))
        (item,) = json.loads(found["manifest.json"])
        assert item["RepoTags"] == ["docker.io/library/web:1.0", "ghcr.io/team/web:1.0"]
        names = [entry.annotations for entry in decode_index(found["index.json"]).manifests]
        # The same tag twice: only whole names tell them apart.
        assert [name and name["org.opencontainers.image.ref.name"] for name in names] == [str(WEB), str(TEAM)]

    def test_an_image_without_a_name(self, store: ContentStore, other: ContentStore) -> None:
        image = put_image(store, FILES)
        data = archive(store, (None, image))
        assert json.loads(members(data)["manifest.json"])[0]["RepoTags"] is None
        assert read_archive(other, io.BytesIO(data)) == ((None, image),)

    @pytest.mark.parametrize(
        ("machine", "expected"), [("linux/amd64", 0), ("linux/arm64", 1), ("linux/amd64/v4", 2), ("linux/s390x", 0)]
    )
    def test_docker_gets_the_image_of_the_platform(self, store: ContentStore, machine: str, expected: int) -> None:
        platforms = [AMD64, ARM64, Platform.parse("linux/amd64/v3")]
        images = [put_image(store, FILES, platform=platform) for platform in platforms]
        index = put_index(store, list(zip(platforms, images, strict=True)))
        found = members(archive(store, (WEB, index), platform=Platform.parse(machine)))
        (item,) = json.loads(found["manifest.json"])
        assert item["Config"].endswith(decode_manifest(store.get(images[expected])).config.digest[7:])
        assert {f"blobs/sha256/{blob.digest[7:]}" for blob in walk(store, [index])} <= set(found)

    def test_nothing_is_written_where_a_blob_is_absent(self, store: ContentStore) -> None:
        image = put_image(store, FILES)
        store.blob_path(decode_manifest(store.get(image)).layers[0].digest).unlink()
        file = io.BytesIO()
        with pytest.raises(NotFound):
            write_archive(store, [(WEB, image)], file)
        assert file.getvalue() == b""

    def test_a_file_appears_whole_or_not_at_all(self, store: ContentStore, tmp_path: Path) -> None:
        image = put_image(store, FILES)
        path = tmp_path / "web.tar"
        path.write_bytes(b"before")
        layer = store.blob_path(decode_manifest(store.get(image)).layers[0].digest)
        good = layer.read_bytes()
        layer.write_bytes(good[:-1] + b"x")
        with pytest.raises(DigestMismatch):
            write_archive_file(store, [(WEB, image)], path)
        assert path.read_bytes() == b"before"
        layer.write_bytes(good)
        write_archive_file(store, [(WEB, image)], path)
        assert path.read_bytes() == archive(store, (WEB, image))
        assert [name for name in os.listdir(tmp_path) if "web.tar" in name] == ["web.tar"]

    def test_a_file_that_cannot_be_written(self, store: ContentStore, tmp_path: Path) -> None:
        image = put_image(store, FILES)
        with pytest.raises(StoreError, match=r"cannot write .*no/such/web\.tar"):
            write_archive_file(store, [(WEB, image)], tmp_path / "no" / "such" / "web.tar")

    def test_memory_is_bounded(self, store: ContentStore, other: ContentStore, tmp_path: Path) -> None:
        source = tmp_path / "big"
        with source.open("wb") as file:
            file.truncate(64 << 20)
        image = put_image(store, [Entry.file("big", source)], compression="none")
        tracemalloc.start()
        try:
            write_archive_file(store, [(WEB, image)], tmp_path / "big.tar")
            with (tmp_path / "big.tar").open("rb") as file:
                read_archive(other, file)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 16 << 20


def blobs(found: dict[str, bytes]) -> list[tuple[str, bytes]]:
    return [(name.rpartition("/")[2], data) for name, data in found.items() if name.startswith("blobs/")]


class TestRoundTrip:
    @pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
    def test_images_come_back_with_their_names(
        self, store: ContentStore, other: ContentStore, pack: Callable[[bytes], bytes]
    ) -> None:
        one = put_image(store, FILES)
        index = put_index(store, [(AMD64, one), (ARM64, put_image(store, FILES, platform=ARM64))])
        items = ((WEB, one), (TEAM, index))
        assert read_archive(other, io.BytesIO(pack(archive(store, *items)))) == items
        for found in walk(store, [one, index]):
            assert other.get(found) == store.get(found)

    def test_a_layout_comes_back(self, store: ContentStore, other: ContentStore, tmp_path: Path) -> None:
        one = put_image(store, FILES)
        index = put_index(store, [(AMD64, one), (ARM64, put_image(store, FILES, platform=ARM64))])
        write_layout(store, [(WEB, one), (TEAM, index)], tmp_path / "layout")
        assert sorted(os.listdir(tmp_path / "layout")) == ["blobs", "index.json", "oci-layout"]
        assert read_layout(other, tmp_path / "layout") == ((WEB, one), (TEAM, index))
        assert other.get(index) == store.get(index)

    def test_an_index_without_the_images_of_some_platforms(self, store: ContentStore, other: ContentStore) -> None:
        one, two = put_image(store, FILES), put_image(store, FILES, platform=ARM64)
        index = put_index(store, [(AMD64, one), (ARM64, two)])
        store.blob_path(two.digest).unlink()
        assert read_archive(other, io.BytesIO(archive(store, (WEB, index)))) == ((WEB, index),)
        assert other.has(one)
        store.blob_path(one.digest).unlink()
        with pytest.raises(NotFound):
            archive(store, (WEB, index))

    def test_a_layout_is_added_to(self, store: ContentStore, tmp_path: Path) -> None:
        first, second = put_image(store, FILES), put_image(store, FILES[:1])
        directory = tmp_path / "layout"
        write_layout(store, [(WEB, first)], directory)
        write_layout(store, [(TEAM, first)], directory)
        write_layout(store, [(WEB, second)], directory)
        found = decode_index((directory / "index.json").read_bytes()).manifests
        names = {(entry.annotations or {})["io.containerd.image.name"]: entry.digest for entry in found}
        assert names == {str(WEB): second.digest, str(TEAM): first.digest}
        assert len({(entry.annotations or {})["org.opencontainers.image.ref.name"] for entry in found}) == 2

    def test_a_layout_in_a_directory_with_something_else(self, store: ContentStore, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.txt").touch()
        with pytest.raises(StoreError, match=r"not empty.*thesis\.txt"):
            write_layout(store, [(WEB, put_image(store, FILES))], tmp_path / "mine")
        assert os.listdir(tmp_path / "mine") == ["thesis.txt"]

    def test_a_layout_whose_blobs_are_links(self, store: ContentStore, other: ContentStore, tmp_path: Path) -> None:
        image = put_image(store, FILES)
        directory = tmp_path / "layout"
        write_layout(store, [(WEB, image)], directory)
        for blob in (directory / "blobs" / "sha256").iterdir():
            blob.unlink()
            blob.symlink_to(store.root / "blobs" / "sha256" / blob.name)
        assert read_layout(other, directory) == ((WEB, image),)

    def test_a_layout_that_lies(self, store: ContentStore, other: ContentStore, tmp_path: Path) -> None:
        image = put_image(store, FILES)
        directory = tmp_path / "layout"
        write_layout(store, [(WEB, image)], directory)
        blob = directory / "blobs" / "sha256" / decode_manifest(store.get(image)).layers[0].digest[7:]
        blob.write_bytes(blob.read_bytes()[::-1])
        with pytest.raises(DigestMismatch):
            read_layout(other, directory)
        blob.write_bytes(b"")
        with pytest.raises(SizeMismatch):
            read_layout(other, directory)
        blob.unlink()
        with pytest.raises(NotFound, match="blob"):
            read_layout(other, directory)
        os.mkfifo(blob)
        with pytest.raises(InvalidContent, match="not a regular file"):
            read_layout(other, directory)
        with pytest.raises(NotFound, match="image layout"):
            read_layout(other, tmp_path / "xdg-data")


class TestDockerFormat:
    @pytest.mark.parametrize("compression", ["gzip", "none"])
    def test_an_archive_of_docker_save(self, store: ContentStore, other: ContentStore, compression: str) -> None:
        image = put_image(store, FILES, FILES[:1], compression=compression)
        files = docker_files(store, image, tags=["web:1.0", "ghcr.io/team/web:1.0"])
        (first, descriptor), (second, same) = read_archive(other, io.BytesIO(tar_of(files)))
        assert (first, second) == (WEB, TEAM)
        assert descriptor == same
        manifest = decode_manifest(other.get(descriptor))
        config = decode_config(other.get(manifest.config))
        assert manifest.config == decode_manifest(store.get(image)).config
        assert [layer.media_type for layer in manifest.layers] == [OCI_LAYER, OCI_LAYER]
        assert [str(layer.digest) for layer in manifest.layers] == list(config.rootfs.diff_ids)

    def test_layers_may_be_links_to_each_other(self, store: ContentStore, other: ContentStore) -> None:
        image = put_image(store, FILES, compression="none")
        files = docker_files(store, image, tags=None)
        path = next(name for name in files if name.endswith("/layer.tar"))
        files["kept/layer.tar"] = files[path]
        files[path] = link("../kept/layer.tar")
        ((name, descriptor),) = read_archive(other, io.BytesIO(tar_of(files)))
        assert name is None
        assert decode_manifest(other.get(descriptor)).layers == decode_manifest(store.get(image)).layers

    def test_compressed_layers_stay_so(self, store: ContentStore, other: ContentStore) -> None:
        image = put_image(store, FILES)
        files = docker_files(store, image, tags=None)
        path = next(name for name in files if name.endswith("/layer.tar"))
        files[path] = gzip.compress(files[path])
        ((_, descriptor),) = read_archive(other, io.BytesIO(tar_of(files)))
        assert decode_manifest(other.get(descriptor)).layers[0].media_type == OCI_LAYER_GZIP


class TestHostile:
    """Each is refused with an error of ours, and leaves no tag and no half-written file."""

    def refuse(self, other: ContentStore, data: bytes, match: str, error: type[ContentError] = InvalidArchive) -> None:
        with pytest.raises(error, match=match):
            read_archive(other, io.BytesIO(data))
        assert other.tags() == {}
        assert os.listdir(other.root / "ingest") == []

    @pytest.mark.parametrize(
        ("data", "match"),
        [
            (b"", "neither an OCI layout"),
            (b"x", "ends within a header"),
            (b"BZh91AY", "it is bzip2"),
            (b"\xfd7zXZ", "it is xz"),
            (gzip.compress(b"", mtime=0), "neither an OCI layout"),
            (gzip.compress(bytes(600), mtime=0)[:-9], "gzip"),
            (tar_of({"etc/passwd": b"root"}), "neither an OCI layout"),
            (tar_of({"oci-layout": b"{}"}), "neither an OCI layout"),
            (tar_of({"../index.json": b"{}"}), r"\.\."),
            (tar_of({"index.json": b"{}", "./index.json": b"{}"}), "two members of the same name"),
            (tar_of({"a": link("", tarfile.CHRTYPE)}), "character device"),
        ],
    )
    def test_what_is_no_image_archive(self, other: ContentStore, data: bytes, match: str) -> None:
        self.refuse(other, data, match)

    def test_a_document_too_large(self, other: ContentStore) -> None:
        self.refuse(other, tar_of({"index.json": bytes((4 << 20) + 1)}), "size of index.json", LimitExceeded)

    def test_a_blob_that_is_another(self, store: ContentStore, other: ContentStore) -> None:
        found: dict[str, Any] = dict(members(archive(store, (WEB, put_image(store, FILES)))))
        name = list(found)[-1]
        found[name] = found[name][:-1] + b"x"
        self.refuse(other, tar_of(found), "digest", DigestMismatch)

    def test_a_blob_that_is_missing(self, store: ContentStore, other: ContentStore) -> None:
        found: dict[str, Any] = dict(members(archive(store, (WEB, put_image(store, FILES)))))
        del found[list(found)[-1]]
        self.refuse(other, tar_of(found), r"blob sha256:\w+ is not in it")

    def test_an_archive_that_was_cut(self, store: ContentStore, other: ContentStore) -> None:
        data = archive(store, (WEB, put_image(store, FILES)))
        for end in range(100, len(data) - 1024, 700):
            with pytest.raises(ContentError):
                read_archive(ContentStore.open(other.root), io.BytesIO(data[:end]))
            assert os.listdir(other.root / "ingest") == []

    @pytest.mark.parametrize(
        ("index", "match"),
        [
            (b"[]", "image index"),
            (
                b'{"schemaVersion":2,"manifests":[{"mediaType":"text/plain","digest":"sha256:%064d","size":1}]}' % 0,
                "no im",
            ),
            (b'{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:../../x","size":1}]}', "digest"),
        ],
    )
    def test_an_index_that_is_none(self, other: ContentStore, index: bytes, match: str) -> None:
        data = tar_of({"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index})
        self.refuse(other, data, match, InvalidContent)

    def test_another_layout_version(self, other: ContentStore) -> None:
        data = tar_of({"oci-layout": b'{"imageLayoutVersion":"2.0.0"}', "index.json": b"{}"})
        self.refuse(other, data, r"version '2\.0\.0'", StoreError)

    def test_a_manifest_that_is_none(self, store: ContentStore, other: ContentStore) -> None:
        for media_type in (OCI_MANIFEST, OCI_INDEX):
            false = store.put(b'{"schemaVersion":2,"layers":7}', media_type=media_type)
            self.refuse(other, archive_raw(store, false), "invalid image", InvalidContent)

    def test_links_that_lead_nowhere(self, store: ContentStore, other: ContentStore) -> None:
        image = put_image(store, FILES, compression="none")
        files = docker_files(store, image, tags=None)
        path = next(name for name in files if name.endswith("/layer.tar"))
        files["a"], files["b"] = link("b"), link("a")
        for target, match in (("../a", "links"), ("../../../etc/passwd", "not there"), ("/etc/passwd", "not there")):
            files[path] = link(target)
            self.refuse(other, tar_of(files), match)
        files[path] = link(path, tarfile.LNKTYPE)
        self.refuse(other, tar_of(files), "links")

    def test_layers_and_configuration_that_disagree(self, store: ContentStore, other: ContentStore) -> None:
        image = put_image(store, FILES, FILES[:1], compression="none")
        files = docker_files(store, image, tags=None)
        (item,) = json.loads(files["manifest.json"])
        for layers, match in ((item["Layers"][:1], "1 layers in"), (item["Layers"][::-1], "the layer has digest")):
            files["manifest.json"] = json.dumps([item | {"Layers": layers}]).encode()
            self.refuse(other, tar_of(files), match)
        files["manifest.json"] = json.dumps([item | {"RepoTags": ["NOT A NAME"]}]).encode()
        self.refuse(other, tar_of(files), "invalid reference", InvalidContent)
        files["manifest.json"] = b'[{"Layers":[]}]'
        self.refuse(other, tar_of(files), "Config", InvalidContent)


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_damage_is_told_or_harmless(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever bytes are changed, cut or put in: an error of ours, or images that are whole."""
    root = tmp_path_factory.mktemp("fuzz")
    store, other = ContentStore.open(root / "store"), ContentStore.open(root / "other")
    image = put_image(store, [Entry.file("a", b"abc")])
    whole = data.draw(st.sampled_from([archive(store, (WEB, image)), tar_of(docker_files(store, image, tags=["a:1"]))]))
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        length = data.draw(st.sampled_from([1, 1, 8, 512]))
        damaged[at : at + length] = data.draw(
            st.sampled_from([b"", b"\0" * length, b"\xff" * length, b"/", b"7", b'"'])
        )
        damaged = damaged or bytearray(b"x")
    try:
        found = read_archive(other, io.BytesIO(bytes(damaged)))
    except ContentError:
        found = ()
    for _, descriptor in found:
        assert held(other, [descriptor])
    assert os.listdir(other.root / "ingest") == []


def archive_raw(store: ContentStore, descriptor: Descriptor) -> bytes:
    index = msgspec.json.encode({"schemaVersion": 2, "manifests": [descriptor]})
    return tar_of(
        {
            "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
            "index.json": index,
            f"blobs/sha256/{descriptor.digest[7:]}": store.get(descriptor),
        }
    )
