"""The content store as one process sees it: blobs, tags, layout, faults."""

import io
import os
import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.errors import ContentError, DigestMismatch, NotFound, SizeMismatch, StoreError
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.media_types import OCI_LAYER, OCI_MANIFEST
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore, default_root

WEB = Reference.parse("web:1")


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


def ingest_of(store: ContentStore) -> list[str]:
    return os.listdir(store.root / "ingest")


class TestLayout:
    def test_a_new_store_is_an_empty_image_layout(self, store: ContentStore) -> None:
        assert (store.root / "oci-layout").read_bytes() == b'{"imageLayoutVersion":"1.0.0"}'
        assert msgspec.json.decode((store.root / "index.json").read_bytes()) == {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [],
        }
        assert store.tags() == {}

    def test_opening_without_create_writes_nothing(self, tmp_path: Path) -> None:
        store = ContentStore.open(tmp_path / "absent", create=False)
        assert store.tags() == {}
        assert store.stat(Digest("sha256:" + "0" * 64)) is None
        with pytest.raises(NotFound):
            store.resolve(WEB)
        assert store.gc().blobs == ()
        assert not store.untag(WEB)
        with pytest.raises(NotFound, match="absent not found"):
            store.tag(WEB, Descriptor.of(b"", media_type=OCI_MANIFEST))
        assert not (tmp_path / "absent").exists()

    @pytest.mark.parametrize("left", [["blobs"], ["blobs", "ingest"], ["blobs", "ingest", "index.json"], ["lock"]])
    def test_a_half_made_store_is_finished(self, tmp_path: Path, left: list[str]) -> None:
        whole = ContentStore.open(tmp_path / "whole")
        half = tmp_path / "half"
        half.mkdir()
        for name in left:
            if name == "index.json":
                (half / name).write_bytes((whole.root / name).read_bytes())
            elif name == "lock":
                (half / name).touch()
            else:
                (half / name).mkdir()
        store = ContentStore.open(half)
        store.tag(WEB, store.put(b"{}", media_type=OCI_MANIFEST))
        assert (half / "oci-layout").exists()

    def test_a_directory_with_other_files_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.txt").write_text("mine")
        with pytest.raises(StoreError, match=r"not empty and not a store: it has 'thesis\.txt'"):
            ContentStore.open(tmp_path)
        assert os.listdir(tmp_path) == ["thesis.txt"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"imageLayoutVersion":"2.0.0"}', "version '2.0.0', expected '1.0.0'"),
            ("{}", "not an OCI layout file"),
            ("\xff", "not an OCI layout file"),
        ],
    )
    def test_another_version_is_refused(self, tmp_path: Path, text: str, message: str) -> None:
        (tmp_path / "oci-layout").write_bytes(text.encode("latin-1"))
        with pytest.raises(StoreError, match=message):
            ContentStore.open(tmp_path)

    @pytest.mark.parametrize("data", [b"", b"[]", b'{"schemaVersion":1,"manifests":[]}', b"[" * 100_000])
    def test_a_damaged_index_is_said(self, store: ContentStore, data: bytes) -> None:
        (store.root / "index.json").write_bytes(data)
        with pytest.raises(StoreError, match=r"index\.json is not an image index"):
            store.tags()

    def test_a_layout_of_another_tool_becomes_a_store(self, tmp_path: Path) -> None:
        (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (tmp_path / "index.json").write_text('{"schemaVersion":2,"manifests":[]}')
        store = ContentStore.open(tmp_path)
        descriptor = store.put(b"{}", media_type=OCI_MANIFEST)
        store.tag(WEB, descriptor)
        assert store.resolve(WEB) == descriptor

    def test_default_root(self) -> None:
        assert default_root({"XDG_DATA_HOME": "/data", "HOME": "/home/me"}) == Path("/data/smidgen/store")
        assert default_root({"XDG_DATA_HOME": "data", "HOME": "/home/me"}) == Path(
            "/home/me/.local/share/smidgen/store"
        )
        assert default_root({"HOME": "/home/me"}) == Path("/home/me/.local/share/smidgen/store")
        assert default_root({"SMIDGEN_STORE": "/s", "XDG_DATA_HOME": "/data"}) == Path("/s")
        assert default_root({}).parts[-2:] == ("smidgen", "store")


class TestBlobs:
    @given(data=st.binary(max_size=5000))
    @settings(max_examples=40)
    def test_put_and_get(self, tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
        store = ContentStore.open(tmp_path_factory.mktemp("put"))
        descriptor = store.put(data, media_type=OCI_LAYER)
        assert descriptor == Descriptor.of(data, media_type=OCI_LAYER)
        assert store.has(descriptor)
        assert store.stat(descriptor.digest) == len(data)
        assert store.get(descriptor) == data
        with store.open_blob(descriptor) as stream:
            assert stream.read() == data
        assert ingest_of(store) == []

    def test_a_writer_that_does_not_commit_leaves_nothing(self, store: ContentStore) -> None:
        with store.writer() as writer:
            writer.write(b"lost")
            assert len(ingest_of(store)) == 1
        assert ingest_of(store) == []
        assert os.listdir(store.root / "blobs" / "sha256") == []

    def test_a_writer_commits_what_it_was_told(self, store: ContentStore) -> None:
        want = Descriptor.of(b"onetwo", media_type=OCI_LAYER)
        with store.writer() as writer:
            assert writer.write(b"one") == 3
            writer.write(memoryview(bytearray(b"two")))
            writer.commit(want.digest, want.size)
        assert store.get(want) == b"onetwo"

    def test_a_writer_counts(self, store: ContentStore) -> None:
        with store.writer() as writer:
            writer.write(b"one")
            with pytest.raises(SizeMismatch):
                writer.commit(Descriptor.of(b"one", media_type="").digest, 4)
        assert ingest_of(store) == []

    def test_a_stream_must_be_what_it_is_said_to_be(self, store: ContentStore) -> None:
        want = Descriptor.of(b"right", media_type=OCI_LAYER)
        for wrong, error in ((b"wrong", DigestMismatch), (b"righ", SizeMismatch), (b"right!", SizeMismatch)):
            with pytest.raises(error):
                store.put_stream(want, io.BytesIO(wrong))
        assert not store.has(want)
        assert ingest_of(store) == []
        store.put_stream(want, io.BytesIO(b"right"))
        assert store.get(want) == b"right"

    def test_what_is_not_there(self, store: ContentStore) -> None:
        absent = Descriptor.of(b"absent", media_type=OCI_LAYER)
        assert store.stat(absent.digest) is None
        assert not store.has(absent)
        with pytest.raises(NotFound, match=absent.digest):
            store.get(absent)
        with pytest.raises(NotFound, match=absent.digest):
            store.open_blob(absent)

    def test_a_file_of_the_wrong_size_counts_as_absent_and_is_replaced(self, store: ContentStore) -> None:
        descriptor = store.put(b"content", media_type=OCI_LAYER)
        store.blob_path(descriptor.digest).write_bytes(b"")
        assert not store.has(descriptor)
        with pytest.raises(SizeMismatch):
            store.get(descriptor)
        with pytest.raises(SizeMismatch):
            store.open_blob(descriptor)
        store.put(b"content", media_type=OCI_LAYER)
        assert store.get(descriptor) == b"content"

    def test_damaged_bytes_are_never_given_out_as_good(self, store: ContentStore) -> None:
        data = bytes(3 << 20)
        descriptor = store.put(data, media_type=OCI_LAYER)
        store.blob_path(descriptor.digest).write_bytes(data[:-1] + b"x")
        with pytest.raises(DigestMismatch, match=r"sha256") as raised:
            store.get(descriptor)
        assert "gc --verify" in (raised.value.hint or "")
        with store.open_blob(descriptor) as stream:
            assert len(stream.read(1 << 20)) == 1 << 20
            with pytest.raises(DigestMismatch):
                stream.read()
        assert store.put(data, media_type=OCI_LAYER) == descriptor
        assert store.get(descriptor) == data

    def test_a_file_that_shrinks_while_it_is_read(self, store: ContentStore) -> None:
        data = os.urandom(3 << 20)
        descriptor = store.put(data, media_type=OCI_LAYER)
        with store.open_blob(descriptor) as stream:
            stream.read(10)
            os.truncate(store.blob_path(descriptor.digest), 1 << 20)
            with pytest.raises(SizeMismatch):
                stream.read()

    def test_a_digest_is_no_path(self, store: ContentStore) -> None:
        for text in ("sha256:../../../etc/passwd", "sha512:" + "0" * 128, "sha256:" + "0" * 64 + "\n"):
            with pytest.raises(ContentError):
                store.blob_path(Digest(text))
            with pytest.raises(ContentError):
                store.stat(Digest(text))

    def test_blobs_obey_the_umask(self, store: ContentStore) -> None:
        descriptor = store.put(b"content", media_type=OCI_LAYER)
        assert stat.S_IMODE(store.blob_path(descriptor.digest).stat().st_mode) & 0o133 == 0
