"""Images from a registry into the store."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from smidgen.errors import ContentError, LimitExceeded, NotFound, NotInRegistry
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.manifest import Index, Manifest, decode_index, decode_manifest, encode
from smidgen.oci.media_types import DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.registry.progress import Outcome
from smidgen.registry.pull import pull
from smidgen.store.closure import is_whole
from smidgen.store.content import ContentStore
from support import faulty_registry_actions as act
from support.faulty_registry import Plan, Rule
from support.registry import Habits, Registry, digest_of
from support.registry_images import check_store, image, index, publish
from support.registry_session import session
from support.registry_wire import Server, serving
from support.small_images import AMD64, ARM64, put_index

_NAME = "team/app"


@pytest.fixture
def source(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "source")


@contextmanager
def published(source: ContentStore, root: Descriptor, *tags: str, habits: Habits | None = None) -> Iterator[Server]:
    registry = Registry(habits)
    publish(registry, source, root, _NAME, *(tags or ("1",)))
    with serving(registry) as server:
        yield server


def fetch(
    server: Server,
    store: ContentStore,
    name: str = ":1",
    *,
    platforms: Sequence[str] | None = None,
    referrers: bool = False,
) -> Descriptor:
    reference = Reference.parse(f"{server.host}/{_NAME}{name}")
    wanted = None if platforms is None else tuple(Platform.parse(one) for one in platforms)
    with session() as opened, store.writing():
        found = pull(opened, reference, store, platforms=wanted, referrers=referrers)
        if reference.tag:
            store.tag(reference, found)
    return found


def test_an_index_comes_with_all_its_platforms(source: ContentStore, store: ContentStore) -> None:
    root = index(source)
    with published(source, root) as server:
        assert fetch(server, store) == root
        assert fetch(server, store, f"@{root.digest}") == root
        blobs = [one.target for one in server.asked("GET", "blobs/")]
        assert len(blobs) == len(set(blobs))
    check_store(store, root)


def test_pulling_again_asks_once(source: ContentStore, store: ContentStore) -> None:
    root = index(source)
    with published(source, root) as server:
        fetch(server, store)
        before = len(server.asked(part=_NAME))
        fetch(server, store)
        assert [one.method for one in server.asked(part=_NAME)[before:]] == ["HEAD"]
        fetch(server, store, f"@{root.digest}")
        assert len(server.asked(part=_NAME)) == before + 1


def test_only_what_is_new_is_fetched(source: ContentStore, store: ContentStore) -> None:
    first, second = image(source, seed=1), image(source, seed=2)
    both = put_index(source, [(AMD64, first), (ARM64, second)])
    registry = Registry()
    publish(registry, source, first, _NAME, "1")
    with serving(registry) as server:
        fetch(server, store)
        publish(registry, source, both, _NAME, "1")
        before = len(server.asked("GET", "blobs/"))
        fetch(server, store)
        assert len(server.asked("GET", "blobs/")) - before == 4
    check_store(store, both)


def test_a_platform_gives_its_manifest(source: ContentStore, store: ContentStore) -> None:
    root = index(source)
    manifests = decode_index(source.get(root)).manifests
    with published(source, root) as server:
        assert fetch(server, store, platforms=["linux/arm64"]).digest == manifests[1].digest
    assert not store.has(manifests[0])
    check_store(store, msgspec.structs.replace(manifests[1], platform=None))


def test_several_platforms_keep_the_index(source: ContentStore, store: ContentStore) -> None:
    images = [
        (Platform.parse(f"linux/{name}"), image(source, seed=at)) for at, name in enumerate(("386", "arm", "s390x"))
    ]
    root = put_index(source, images)
    with published(source, root) as server:
        assert fetch(server, store, platforms=["linux/386", "linux/s390x"]) == root
    assert [store.has(one) for _, one in images] == [True, False, True]


def test_a_missing_platform_is_an_error(source: ContentStore, store: ContentStore) -> None:
    root, single = index(source), image(source, seed=5)
    with published(source, root) as server, pytest.raises(NotFound, match="linux/riscv64") as caught:
        fetch(server, store, platforms=["linux/riscv64"])
    assert "linux/amd64, linux/arm64" in (caught.value.hint or "")
    with published(source, single) as server, pytest.raises(NotFound, match="linux/riscv64") as caught:
        fetch(server, store, platforms=["linux/riscv64"])
    assert "linux/amd64" in (caught.value.hint or "")


def test_a_single_image_of_the_right_platform(source: ContentStore, store: ContentStore) -> None:
    root = image(source)
    with published(source, root) as server:
        assert fetch(server, store, platforms=["linux/amd64"]) == root


def test_dockers_media_types(source: ContentStore, store: ContentStore) -> None:
    manifest = decode_manifest(source.get(image(source)))
    inner = source.put(
        encode(msgspec.structs.replace(manifest, media_type=DOCKER_MANIFEST)), media_type=DOCKER_MANIFEST
    )
    entry = msgspec.structs.replace(inner, platform=AMD64)
    listed = encode(Index(schema_version=2, media_type=DOCKER_MANIFEST_LIST, manifests=(entry,)))
    root = source.put(listed, media_type=DOCKER_MANIFEST_LIST)
    with published(source, root) as server:
        assert fetch(server, store) == root
        assert DOCKER_MANIFEST_LIST in (server.asked(part="manifests")[0].header("Accept") or "")
    check_store(store, root)


def test_layers_that_are_elsewhere_stay_there(source: ContentStore, store: ContentStore) -> None:
    manifest = decode_manifest(source.get(image(source, layers=1)))
    foreign = Descriptor(
        media_type="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        digest=Digest(digest_of(b"windows")),
        size=7,
        urls=("https://example.invalid/windows",),
    )
    changed = msgspec.structs.replace(manifest, layers=(foreign, *manifest.layers))
    root = source.put(encode(changed), media_type=OCI_MANIFEST)
    registry = Registry()
    publish(registry, source, image(source, layers=1), _NAME)
    registry.add_manifest(_NAME, encode(changed), "1")
    with serving(registry) as server:
        assert fetch(server, store) == root
    assert not store.has(foreign)
    assert store.has(manifest.layers[0])


@pytest.mark.parametrize("habits", [Habits(), Habits(referrers=False)], ids=["api", "tag"])
def test_referrers_come_along_on_request(source: ContentStore, store: ContentStore, habits: Habits) -> None:
    root = image(source)
    empty = source.put(b"{}", media_type=OCI_EMPTY)
    signature = encode(
        Manifest(
            schema_version=2,
            media_type=OCI_MANIFEST,
            artifact_type="application/vnd.signature",
            config=empty,
            layers=(source.put(b"signed", media_type="text/plain"),),
            subject=root,
        )
    )
    described = source.put(signature, media_type=OCI_MANIFEST)
    registry = Registry(habits)
    publish(registry, source, root, _NAME, "1")
    publish(registry, source, described, _NAME)
    if not habits.referrers:
        listed = encode(Index(schema_version=2, media_type=OCI_INDEX, manifests=(described,)))
        registry.add_manifest(_NAME, listed, root.digest.replace(":", "-"), media_type=OCI_INDEX)
    with serving(registry) as server:
        fetch(server, store)
        assert not store.has(described)
        fetch(server, store, referrers=True)
    assert is_whole(store, described)
    store.gc()
    assert is_whole(store, described)


def test_a_stored_document_that_is_damaged_is_fetched_again(source: ContentStore, store: ContentStore) -> None:
    root = image(source)
    with published(source, root) as server:
        fetch(server, store)
        store.blob_path(root.digest).write_bytes(b"x" * root.size)
        fetch(server, store)
    check_store(store, root)


def test_indexes_in_indexes_have_an_end(source: ContentStore, store: ContentStore) -> None:
    root = image(source)
    for _ in range(3):
        root = put_index(source, [(AMD64, root)])
    with published(source, root) as server:
        assert fetch(server, store) == root
    check_store(store, root)
    for _ in range(3):
        root = put_index(source, [(AMD64, root)])
    with published(source, root) as server, pytest.raises(LimitExceeded, match="depth"):
        fetch(server, store)


def test_a_thousand_manifests_are_enough(source: ContentStore, store: ContentStore) -> None:
    entries = [{"mediaType": OCI_MANIFEST, "digest": digest_of(b"%d" % at), "size": 2} for at in range(1001)]
    data = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    root = source.put(data, media_type=OCI_INDEX)
    registry = Registry()
    registry.add_manifest(_NAME, data, "1", media_type=OCI_INDEX)
    with serving(registry) as server, pytest.raises(LimitExceeded, match="manifests") as caught:
        fetch(server, store)
    assert caught.value.got == 1001 + 1
    assert not store.has(root)
    assert len(server.log) < 5


def test_no_such_image(source: ContentStore, store: ContentStore) -> None:
    with published(source, image(source)) as server:
        for name in (":2", "@" + digest_of(b"x")):
            with pytest.raises(NotInRegistry):
                fetch(server, store, name)


def test_an_error_ends_the_other_downloads_and_names_no_tag(source: ContentStore, store: ContentStore) -> None:
    root = image(source, layers=5)
    registry = Registry()
    publish(registry, source, root, _NAME, "1")
    layer = decode_manifest(source.get(root)).layers[2]
    rule = Rule("GET", layer.digest, act.corrupt(3), 5)
    with serving(Plan([rule]).around(registry)) as server:
        with pytest.raises(ContentError, match=layer.digest):
            fetch(server, store)
        assert not store.tags()
        assert not store.has(root)
        fetch(server, store)
    check_store(store, root)


class Told:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.open: dict[str, int] = {}
        self.outcomes: dict[str, Outcome] = {}

    def started(self, digest: Digest, what: str, total: int | None) -> None:
        assert what in {"blob", "manifest"}
        self.open[digest] = total or 0

    def advanced(self, digest: Digest, count: int) -> None:
        self.open[digest] -= count

    def finished(self, digest: Digest, outcome: Outcome) -> None:
        assert digest in self.open
        self.outcomes[digest] = outcome


def test_progress_is_told(source: ContentStore, store: ContentStore) -> None:
    root = image(source)
    told = Told()
    registry = Registry()
    publish(registry, source, root, _NAME, "1")
    with serving(Plan([Rule("GET", "blobs/", act.cut_body(5000))]).around(registry)) as server:
        reference = Reference.parse(f"{server.host}/{_NAME}:1")
        with session() as opened, store.writing():
            pull(opened, reference, store, progress=told)
    manifest = decode_manifest(source.get(root))
    for blob in (manifest.config, *manifest.layers):
        assert told.outcomes[blob.digest] == "fetched"
        assert told.open[blob.digest] == 0
