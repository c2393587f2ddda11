"""Images of the store to a registry."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import pytest

from smidgen.errors import DigestMismatch, NotFound
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import Index, Manifest, decode_index, decode_manifest, encode
from smidgen.oci.media_types import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.registry.push import Pushed, push
from smidgen.store.content import ContentStore
from support import faulty_registry_actions as act
from support.faulty_registry import Plan, Rule
from support.registry import Habits, Registry
from support.registry_images import check_registry, image, index
from support.registry_session import session
from support.registry_wire import Server, serving

_NAME = "team/app"


@contextmanager
def receiving(*rules: Rule, habits: Habits | None = None) -> Iterator[tuple[Server, Registry]]:
    registry = Registry(habits)
    with serving(Plan(rules).around(registry)) as server:
        yield server, registry
    check_registry(registry)


def send(
    server: Server,
    store: ContentStore,
    root: Descriptor,
    *names: str,
    platforms: Sequence[str] | None = None,
    referrers: bool = False,
) -> Pushed:
    references = tuple(Reference.parse(f"{server.host}/{name}") for name in names or (f"{_NAME}:1",))
    wanted = None if platforms is None else tuple(Platform.parse(one) for one in platforms)
    with session() as opened:
        return push(opened, store, root, references, platforms=wanted, referrers=referrers)


def asked(server: Server, since: int = 0) -> list[str]:
    """Give methods and kinds of the requests to repositories."""
    log = [one for one in server.log[since:] if one.target != "/v2/"]
    return [f"{one.method} {one.target.split('/')[-2]}" for one in log]


def test_tags_come_last(store: ContentStore) -> None:
    root = index(store)
    with receiving() as (server, registry):
        done = send(server, store, root)
        assert registry.tags == {_NAME: {"1": root.digest}}
        puts = [one.target.rsplit("/", 1)[-1] for one in server.asked("PUT", "/manifests/")]
        assert puts == [*reversed([one.digest for one in decode_index(store.get(root)).manifests]), "1"]
        assert server.log[-1].target.endswith("/manifests/1")
        assert done.sent == sum(len(data) for data in registry.blobs.values())
        assert done.descriptor == root
        assert done.there == done.mounted == 0


def test_pushing_again_is_one_question(store: ContentStore) -> None:
    root = index(store)
    with receiving() as (server, _):
        send(server, store, root)
        before = len(server.log)
        done = send(server, store, root)
        assert asked(server, before) == ["HEAD manifests"]
        assert (done.sent, done.there > 0) == (0, True)


def test_another_tag_is_three_requests(store: ContentStore) -> None:
    root = index(store)
    with receiving() as (server, registry):
        send(server, store, root)
        before = len(server.log)
        send(server, store, root, f"{_NAME}:2")
        assert asked(server, before) == ["HEAD manifests", "HEAD manifests", "PUT manifests"]
        assert registry.tags[_NAME] == {"1": root.digest, "2": root.digest}


def test_several_tags_are_one_pass_over_the_blobs(store: ContentStore) -> None:
    root = image(store)
    with receiving() as (server, registry):
        send(server, store, root, f"{_NAME}:1", f"{_NAME}:2", _NAME, f"{_NAME}:1")
        assert registry.tags[_NAME] == {"1": root.digest, "2": root.digest, "latest": root.digest}
        assert len(server.asked("PUT", "/blobs/uploads/")) == len(registry.blobs)


def test_several_repositories_mount_from_the_first(store: ContentStore) -> None:
    root = image(store)
    with receiving() as (server, registry):
        done = send(server, store, root, "a/app:1", "b/app:1")
        assert len(server.asked("PUT", "/blobs/uploads/")) == len(registry.blobs)
        assert {name for name, _ in registry.mounted} == {"b/app"}
        assert done.mounted == done.sent


def test_blobs_of_a_known_repository_are_mounted(store: ContentStore) -> None:
    base = image(store, seed=1)
    manifest = decode_manifest(store.get(base))
    grown = msgspec.structs.replace(
        manifest, layers=(*manifest.layers, decode_manifest(store.get(image(store, seed=2, layers=1))).layers[0])
    )
    root = store.put(encode(grown), media_type=OCI_MANIFEST)
    with receiving() as (server, registry):
        send(server, store, base, "base/app:1")
        store.tag(Reference.parse(f"{server.host}/base/app:1"), base)
        before = len(server.asked("PUT", "/blobs/uploads/"))
        send(server, store, root)
        assert len(server.asked("PUT", "/blobs/uploads/")) == before + 1
        assert len(registry.mounted) == 1 + len(manifest.layers)


def test_a_platform_is_its_manifest_and_several_a_new_index(store: ContentStore) -> None:
    images = [
        (Platform.parse(f"linux/{name}"), image(store, seed=at)) for at, name in enumerate(("386", "arm", "s390x"))
    ]
    listed = Index(
        schema_version=2,
        media_type=OCI_INDEX,
        manifests=tuple(msgspec.structs.replace(one, platform=platform) for platform, one in images),
        annotations={"kept": "yes"},
    )
    root = store.put(encode(listed), media_type=OCI_INDEX)
    with receiving() as (server, registry):
        assert (
            send(server, store, root, f"{_NAME}:arm", platforms=["linux/arm"]).descriptor.digest == images[1][1].digest
        )
        done = send(server, store, root, f"{_NAME}:two", platforms=["linux/386", "linux/s390x"])
        made = decode_index(registry.manifests[_NAME, done.descriptor.digest][1])
        assert [one.digest for one in made.manifests] == [images[0][1].digest, images[2][1].digest]
        assert made.annotations == {"kept": "yes"}
        everything = send(server, store, root, f"{_NAME}:all", platforms=["linux/386", "linux/arm", "linux/s390x"])
        assert everything.descriptor == root
        with pytest.raises(NotFound, match="linux/mips"):
            send(server, store, root, platforms=["linux/mips"])


@pytest.mark.parametrize("habits", [Habits(), Habits(referrers=False)], ids=["api", "tag"])
def test_referrers_go_along_on_request(store: ContentStore, habits: Habits) -> None:
    root = image(store)
    empty = store.put(b"{}", media_type=OCI_EMPTY)
    described = store.put(
        encode(
            Manifest(
                schema_version=2,
                media_type=OCI_MANIFEST,
                artifact_type="application/vnd.signature",
                config=empty,
                layers=(store.put(b"signed", media_type="text/plain"),),
                subject=root,
            )
        ),
        media_type=OCI_MANIFEST,
    )
    with receiving(habits=habits) as (server, registry):
        send(server, store, root)
        assert (_NAME, described.digest) not in registry.manifests
        send(server, store, root, referrers=True)
        assert (_NAME, described.digest) in registry.manifests
        if not habits.referrers:
            listed = json.loads(registry.manifests[_NAME, registry.tags[_NAME][root.digest.replace(":", "-")]][1])
            assert [one["digest"] for one in listed["manifests"]] == [described.digest]


def test_an_image_that_is_not_whole_is_told_before_anything_is_sent(store: ContentStore) -> None:
    root = image(store)
    layer = decode_manifest(store.get(root)).layers[1]
    store.blob_path(layer.digest).unlink()
    with receiving() as (server, registry):
        with pytest.raises(NotFound, match=layer.digest):
            send(server, store, root)
        assert not server.log
        assert not registry.tags


def test_a_sparse_index_says_which_platform_is_missing(store: ContentStore) -> None:
    root = index(store)
    manifests = decode_index(store.get(root)).manifests
    store.blob_path(manifests[1].digest).unlink()
    with receiving() as (server, _):
        with pytest.raises(NotFound, match="linux/arm64") as caught:
            send(server, store, root)
        assert "--platform" in (caught.value.hint or "")
        send(server, store, root, platforms=["linux/amd64"])


def test_damage_is_told_and_names_no_tag(store: ContentStore) -> None:
    root = image(store)
    layer = decode_manifest(store.get(root)).layers[1]
    path = store.blob_path(layer.digest)
    path.write_bytes(b"x" * layer.size)
    with receiving() as (server, registry):
        with pytest.raises(DigestMismatch, match=layer.digest):
            send(server, store, root)
        assert not registry.tags


def test_a_tag_that_is_another_image_is_replaced(store: ContentStore) -> None:
    with receiving() as (server, registry):
        for seed in (1, 2):
            root = image(store, seed=seed)
            send(server, store, root)
            assert registry.tags[_NAME] == {"1": root.digest}


def test_a_registry_that_denies_what_is_not_there(store: ContentStore) -> None:
    root = image(store)
    with receiving(Rule("HEAD", "/manifests/", act.status(403), 2)) as (server, registry):
        send(server, store, root)
        assert registry.tags[_NAME] == {"1": root.digest}


def test_by_digest_alone(store: ContentStore) -> None:
    root = image(store)
    with receiving() as (server, registry):
        send(server, store, root, f"{_NAME}@{root.digest}")
        assert not registry.tags
        assert (_NAME, root.digest) in registry.manifests
