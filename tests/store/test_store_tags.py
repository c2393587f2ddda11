"""Tags against a plain dictionary, and the answers to names that are not there."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.errors import NotFound
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import decode_index
from smidgen.oci.media_types import OCI_MANIFEST
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore

_NAMES = st.sampled_from(["web", "web:1", "web:2", "ghcr.io/team/web", "ghcr.io/team/web:1", "localhost:5000/a/b:x"])
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tag"), _NAMES, st.integers(0, 3)),
        st.tuples(st.just("untag"), _NAMES, st.just(0)),
        st.tuples(st.just("gc"), st.just(""), st.just(0)),
    ),
    max_size=25,
)


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


def put(store: ContentStore, number: int) -> Descriptor:
    return store.put(b'{"schemaVersion":2,"number":%d}' % number, media_type=OCI_MANIFEST)


@given(steps=_STEPS)
@settings(max_examples=60, deadline=None)
def test_tags_are_a_dictionary(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int]]) -> None:
    store = ContentStore.open(tmp_path_factory.mktemp("tags"))
    expected: dict[Reference, Descriptor] = {}
    for action, name, number in steps:
        if action == "gc":
            store.gc()
            continue
        reference = Reference.parse(name)
        if action == "tag":
            expected[reference.with_default_tag()] = put(store, number)
            store.tag(reference, put(store, number))
        else:
            assert store.untag(reference) == (expected.pop(reference.with_default_tag(), None) is not None)
    store.gc()
    assert store.tags() == expected
    assert list(store.tags()) == sorted(expected, key=str)
    for reference, descriptor in expected.items():
        assert store.resolve(reference) == descriptor
        assert store.has(descriptor)
    for number in range(4):
        data = b'{"schemaVersion":2,"number":%d}' % number
        descriptor = Descriptor.of(data, media_type=OCI_MANIFEST)
        assert store.has(descriptor) == (descriptor in expected.values())


def test_the_order_of_builds_does_not_show(tmp_path: Path) -> None:
    names = [Reference.parse(name) for name in ("b:1", "a:1", "c:1")]
    for at, order in enumerate((names, names[::-1])):
        store = ContentStore.open(tmp_path / str(at))
        for name in order:
            store.tag(name, put(store, 1))
    assert (tmp_path / "0" / "index.json").read_bytes() == (tmp_path / "1" / "index.json").read_bytes()


def test_the_same_tag_again_writes_nothing(store: ContentStore) -> None:
    store.tag(Reference.parse("web:1"), put(store, 1))
    before = (store.root / "index.json").stat()
    store.tag(Reference.parse("web:1"), put(store, 1))
    after = (store.root / "index.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_tag_needs_its_content(store: ContentStore) -> None:
    store.tag(Reference.parse("web:1"), put(store, 1))
    absent = Descriptor.of(b"{}", media_type=OCI_MANIFEST)
    with pytest.raises(NotFound, match="blob"):
        store.tag_all({Reference.parse("web:1"): put(store, 2), Reference.parse("web:2"): absent})
    assert store.tags() == {Reference.parse("web:1"): put(store, 1)}


def test_latest_is_meant_where_nothing_is_said(store: ContentStore) -> None:
    store.tag(Reference.parse("web"), put(store, 1))
    assert [str(reference) for reference in store.tags()] == ["docker.io/library/web:latest"]
    assert store.resolve(Reference.parse("docker.io/library/web")) == put(store, 1)
    assert store.untag(Reference.parse("web:latest"))


def test_a_digest_must_agree(store: ContentStore) -> None:
    one, two = put(store, 1), put(store, 2)
    store.tag_all({Reference.parse("web:1"): one, Reference.parse("web:2"): two})
    assert store.resolve(Reference.parse(f"web:1@{one.digest}")) == one
    assert store.resolve(Reference.parse(f"web@{two.digest}")) == two
    for name in (f"web:1@{two.digest}", f"web2@{one.digest}", f"web@sha256:{0:064}"):
        with pytest.raises(NotFound):
            store.resolve(Reference.parse(name))


def test_a_digest_in_the_name_of_a_tag_is_dropped(store: ContentStore) -> None:
    one, two = put(store, 1), put(store, 2)
    store.tag(Reference.parse(f"web:1@{one.digest}"), one)
    store.tag(Reference.parse("web:1"), two)
    assert store.tags() == {Reference.parse("web:1"): two}


def test_close_names_are_suggested(store: ContentStore) -> None:
    store.tag_all({Reference.parse(name): put(store, 1) for name in ("web:1.0", "web:1.1", "ghcr.io/me/api:3")})
    for wrong, right in (
        ("web:1.O", "web:1.0"),
        ("wbe:1.0", "web:1.0"),
        ("web", "web:1"),
        ("ghcr.io/me/apy:3", "api:3"),
    ):
        with pytest.raises(NotFound) as raised:
            store.resolve(Reference.parse(wrong))
        assert right in (raised.value.hint or "")
    with pytest.raises(NotFound) as raised:
        store.resolve(Reference.parse("database:9"))
    assert raised.value.hint == "`smidgen images` lists what there is"


def test_annotations_of_a_descriptor_are_kept(store: ContentStore) -> None:
    described = msgspec.structs.replace(put(store, 1), annotations={"who": "me"})
    store.tag(Reference.parse("web:1"), described)
    assert store.resolve(Reference.parse("web:1")) == described


def test_entries_of_others_are_kept(store: ContentStore) -> None:
    """A layout may hold entries that are no names of ours; they stay, and so does what they lead to."""
    nameless, strange = put(store, 1), put(store, 2)
    strange = msgspec.structs.replace(strange, annotations={"org.opencontainers.image.ref.name": "Not A Name"})
    index = decode_index((store.root / "index.json").read_bytes())
    index = msgspec.structs.replace(index, manifests=(nameless, strange))
    (store.root / "index.json").write_bytes(msgspec.json.encode(index))
    store.tag(Reference.parse("web:1"), put(store, 3))
    assert list(store.tags()) == [Reference.parse("web:1")]
    assert all(entry in store.roots() for entry in (nameless, strange))
    assert store.gc().blobs == ()
    assert store.stat(nameless.digest) == nameless.size
