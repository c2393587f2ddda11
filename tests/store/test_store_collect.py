"""Garbage collection: what a tag leads to stays, all else goes, in an order that a kill cannot spoil."""

import os
import threading
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.errors import StoreError
from smidgen.layer.entry import Entry
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.manifest import Index, decode_manifest, encode
from smidgen.oci.media_types import OCI_INDEX, OCI_LAYER
from smidgen.oci.reference import Reference
from smidgen.store.blobs import Blobs
from smidgen.store.closure import is_whole, walk
from smidgen.store.content import ContentStore
from support.small_images import AMD64, ARM64, put_image, put_index

WEB = Reference.parse("web:1")


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


def files(number: int) -> list[Entry]:
    return [Entry.file("number", b"%d" % number)]


def stored(store: ContentStore) -> set[Digest]:
    return set(Blobs(store.root).digests())


def closure(store: ContentStore, *roots: Descriptor) -> set[Digest]:
    return {found.digest for found in walk(store, roots)}


def test_what_no_tag_leads_to_is_deleted(store: ContentStore) -> None:
    shared, kept, gone = files(0), put_image(store, files(0), files(1)), put_image(store, files(0), files(2))
    assert put_image(store, shared, files(1)) == kept
    store.tag(WEB, kept)
    garbage = closure(store, gone) - closure(store, kept)
    size = sum(store.stat(digest) or 0 for digest in garbage)
    trial = store.gc(dry_run=True)
    assert (set(trial.blobs), trial.size) == (garbage, size)
    assert garbage < stored(store)
    assert store.gc() == trial
    assert stored(store) == closure(store, kept)
    assert store.gc().blobs == ()


def test_all_platforms_of_an_index_stay(store: ContentStore) -> None:
    index = put_index(store, [(AMD64, put_image(store, files(1))), (ARM64, put_image(store, files(2), platform=ARM64))])
    store.tag(WEB, index)
    assert store.gc().blobs == ()
    assert is_whole(store, index)
    store.untag(WEB)
    store.gc()
    assert stored(store) == set()


def test_what_speaks_of_a_live_image_stays_and_goes_with_it(store: ContentStore) -> None:
    image = put_image(store, files(1))
    signature = put_image(store, files(2), subject=image)
    of_signature = put_image(store, files(3), subject=signature)
    put_image(store, files(4), subject=put_image(store, files(5)))
    store.tag(WEB, image)
    store.gc()
    assert stored(store) == closure(store, image, signature, of_signature)
    store.untag(WEB)
    store.gc()
    assert stored(store) == set()


def test_a_tagged_signature_stays_without_its_image(store: ContentStore) -> None:
    signature = put_image(store, files(2), subject=put_image(store, files(1)))
    store.tag(WEB, signature)
    store.gc()
    assert stored(store) == closure(store, signature)


def test_parents_are_deleted_before_children(store: ContentStore) -> None:
    inner = put_index(store, [(AMD64, put_image(store, files(1)))])
    outer = store.put(encode(Index(schema_version=2, manifests=(inner,))), media_type=OCI_INDEX)
    put_image(store, files(1), files(2))
    order = store.gc(dry_run=True).blobs
    for parent in order:
        media_type = OCI_INDEX if parent in {inner.digest, outer.digest} else "application/json"
        descriptor = Descriptor(media_type=media_type, digest=parent, size=store.stat(parent) or 0)
        for child in walk(store, [descriptor]):
            assert order.index(parent) <= order.index(child.digest)


def test_files_that_are_no_blobs_are_left_alone(store: ContentStore) -> None:
    strange = store.root / "blobs" / "sha256" / "README"
    strange.write_text("mine")
    (store.root / "blobs" / "sha512").mkdir()
    store.gc()
    assert strange.exists()
    assert (store.root / "blobs" / "sha512").is_dir()


def test_damaged_blobs_are_found_and_deleted_on_request(store: ContentStore) -> None:
    image = put_image(store, files(1), [Entry.file("big", os.urandom(5000))])
    store.tag(WEB, image)
    first, second = decode_manifest(store.get(image)).layers
    path = store.blob_path(first.digest)
    path.write_bytes(bytes(first.size))
    store.blob_path(second.digest).write_bytes(b"")
    assert store.gc().damaged == ()
    assert set(store.gc(verify=True, dry_run=True).damaged) == {first.digest, second.digest}
    assert set(store.gc(verify=True).damaged) == {first.digest, second.digest}
    assert not path.exists()
    assert not is_whole(store, image)
    assert store.gc(verify=True).damaged == ()


def test_what_dead_writers_left_is_swept(store: ContentStore) -> None:
    (store.root / "ingest" / "1-dead").write_bytes(bytes(100))
    assert store.gc(dry_run=True).abandoned == 0
    assert store.gc().abandoned == 100
    (store.root / "ingest" / "1-dead").write_bytes(bytes(100))
    with store.writer() as writer:
        writer.write(b"live")
        with store.writing():
            assert len(os.listdir(store.root / "ingest")) == 1
        writer.commit(Descriptor.of(b"live", media_type="").digest, 4)


def test_cached_facts_about_deleted_blobs_go_too(store: ContentStore) -> None:
    cache = store.root / "cache" / "layers"
    cache.mkdir(parents=True)
    kept = put_image(store, files(1))
    store.tag(WEB, kept)
    gone = store.put(b"gone", media_type=OCI_LAYER)
    for name, descriptor in (("kept", kept), ("gone", gone)):
        (cache / name).write_bytes(msgspec.json.encode({"descriptor": descriptor, "more": 1}))
    for name in ("other", "old"):
        (cache / name).write_bytes(b"not ours")
    month = time.time() - 31 * 24 * 3600
    os.utime(cache / "old", (month, month))
    store.gc()
    assert sorted(os.listdir(cache)) == ["kept", "other"]


def test_it_waits_for_builds(store: ContentStore) -> None:
    done = threading.Event()

    def collect() -> None:
        store.gc(wait=30)
        done.set()

    with store.writing():
        with pytest.raises(StoreError, match=r"held by another smidgen for 0\.1 seconds"):
            store.gc(wait=0.1)
        blob = store.put(b"not yet named", media_type=OCI_LAYER)
        thread = threading.Thread(target=collect)
        thread.start()
        time.sleep(0.1)
        assert store.has(blob)
        assert not done.is_set()
    thread.join()
    assert not store.has(blob)


@given(images=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6), data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_store(
    tmp_path_factory: pytest.TempPathFactory, images: list[tuple[int, int]], data: st.DataObject
) -> None:
    store = ContentStore.open(tmp_path_factory.mktemp("gc"))
    made = [put_image(store, files(first), files(second)) for first, second in images]
    made.append(put_index(store, [(AMD64, made[0])]))
    tagged = data.draw(st.lists(st.sampled_from(range(len(made))), unique=True))
    store.tag_all({Reference.parse(f"web:{at}"): made[at] for at in tagged})
    live = closure(store, *(made[at] for at in tagged))
    everything = stored(store)
    assert set(store.gc().blobs) == everything - live
    assert stored(store) == live
