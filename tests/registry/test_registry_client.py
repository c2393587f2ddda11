"""The client of one repository: manifests, lists, deletes, referrers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from smidgen.errors import (
    AccessDenied,
    ContentError,
    InvalidAnswer,
    InvalidContent,
    NotInRegistry,
    RegistryError,
)
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.manifest import Index, encode
from smidgen.oci.media_types import DOCKER_MANIFEST, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from smidgen.registry.client import Client
from smidgen.registry.repository import Repository
from smidgen.store.content import ContentStore
from support import faulty_registry_actions as act
from support.faulty_registry import FOREVER, Action, Plan, Rule
from support.registry import Habits, Registry, digest_of
from support.registry_images import image, publish
from support.registry_session import session
from support.registry_wire import Answer, Request, Server, Service, serving

_NAME = "team/app"
_EMPTY = {"mediaType": OCI_EMPTY, "digest": digest_of(b"{}"), "size": 2}


@contextmanager
def asking(service: Service) -> Iterator[tuple[Client, Server]]:
    with serving(service) as server, session() as opened:
        yield Client(opened, Repository(server.host, _NAME)), server


def artifact(subject: Descriptor, kind: str, **more: object) -> bytes:
    described = {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": kind, "config": _EMPTY}
    return json.dumps(document | {"layers": [_EMPTY], "subject": described} | more).encode()


def test_a_tag_is_resolved_by_its_headers_alone(store: ContentStore) -> None:
    registry = Registry()
    root = image(store)
    publish(registry, store, root, _NAME, "1")
    with asking(registry) as (client, server):
        assert client.resolve("1") == root
        assert client.resolve(root.digest) == root
        assert client.get_manifest("1") == (root, store.get(root))
        assert len(server.asked("GET", "manifests")) == 1


@pytest.mark.parametrize("rule", [act.header("Docker-Content-Digest"), act.status(405), act.header("Content-Type")])
def test_a_tag_is_resolved_without_headers(store: ContentStore, rule: Action) -> None:
    registry = Registry()
    root = image(store)
    publish(registry, store, root, _NAME, "1")
    with asking(Plan([Rule("HEAD", "manifests", rule, FOREVER)]).around(registry)) as (client, _):
        assert client.resolve("1") == root


@pytest.mark.parametrize("said", ["application/json", "text/plain; charset=utf-8", ""])
def test_a_vague_media_type_is_that_of_the_document(store: ContentStore, said: str) -> None:
    registry = Registry()
    root = image(store)
    publish(registry, store, root, _NAME)
    registry.add_manifest(_NAME, store.get(root), "1", media_type=said)
    with asking(registry) as (client, _):
        assert client.resolve("1") == root


@pytest.mark.parametrize(
    ("document", "said", "words"),
    [
        ({"schemaVersion": 1, "fsLayers": []}, "application/vnd.docker.distribution.manifest.v1+json", "schema 1"),
        ({"schemaVersion": 1, "fsLayers": []}, DOCKER_MANIFEST, "schema 1"),
        ({"schemaVersion": 2, "config": {}, "layers": [], "manifests": []}, OCI_INDEX, "both"),
        ({"schemaVersion": 2, "mediaType": "application/x"}, "application/json", "application/x"),
        ({"schemaVersion": 2}, "text/html", "text/html"),
        ([], OCI_MANIFEST, "object"),
    ],
)
def test_what_is_no_image_is_refused(document: object, said: str, words: str) -> None:
    registry = Registry()
    registry.add_manifest(_NAME, json.dumps(document).encode(), "1", media_type=said)
    with asking(registry) as (client, server), pytest.raises(InvalidContent, match=words) as caught:
        client.get_manifest("1")
    assert f"{server.host}/{_NAME}" in str(caught.value)


def test_a_document_that_is_damaged_once_is_fetched_again(store: ContentStore) -> None:
    registry = Registry()
    root = image(store)
    publish(registry, store, root, _NAME, "1")
    with asking(Plan([Rule("GET", "manifests", act.corrupt(30))]).around(registry)) as (client, _):
        assert client.get_manifest("1")[1] == store.get(root)


def test_nothing_is_there() -> None:
    with asking(Registry()) as (client, server):
        assert client.find("1") is None
        assert client.stat_blob(Digest(digest_of(b"x"))) is None
        for action in (lambda: client.resolve("1"), lambda: list(client.tags()), lambda: client.delete_tag("1")):
            with pytest.raises(NotInRegistry) as caught:
                action()
            assert server.host in str(caught.value)


def test_tags_come_page_by_page(store: ContentStore) -> None:
    registry = Registry(Habits(page=3))
    root = image(store)
    names = sorted(f"v{at}" for at in range(10))
    publish(registry, store, root, _NAME, *names)
    with asking(registry) as (client, server):
        assert list(client.tags()) == names
        assert len(server.asked("GET", "tags/list")) == 4


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ('</v2/team/app/tags/list?n=1>; rel="next"', "never end"),
        ('<http://localhost:1/v2/team/app/tags/list>; rel="next"', "another server"),
        ('<file:///etc/passwd>; rel="next"', "file"),
    ],
)
def test_lists_that_lead_astray(link: str, words: str) -> None:
    def service(_request: Request) -> Answer:
        return Answer(200, (("Link", link),), b'{"tags": ["1"]}')

    with asking(service) as (client, _), pytest.raises(InvalidAnswer, match=words):
        list(client.tags())


def test_a_list_that_is_none() -> None:
    with (
        asking(lambda _request: Answer(200, (), b'{"tags": "1"}')) as (client, _),
        pytest.raises(InvalidAnswer, match="no list"),
    ):
        list(client.tags())


def test_deletes(store: ContentStore) -> None:
    registry = Registry()
    root = image(store)
    publish(registry, store, root, _NAME, "1", "2")
    blob = Digest(registry.add_blob(_NAME, b"blob"))
    with asking(registry) as (client, _):
        client.delete_tag("1")
        assert list(client.tags()) == ["2"]
        client.delete_manifest(root.digest)
        assert list(client.tags()) == []
        client.delete_blob(blob)
        assert client.stat_blob(blob) is None


def test_a_registry_that_does_not_delete(store: ContentStore) -> None:
    registry = Registry(Habits(deletes=False))
    root = image(store)
    publish(registry, store, root, _NAME, "1")
    with asking(registry) as (client, _):
        with pytest.raises(RegistryError) as caught:
            client.delete_tag("1")
        assert "digest" in (caught.value.hint or "")
        with pytest.raises(RegistryError) as caught:
            client.delete_manifest(root.digest)
        assert "set up not to" in (caught.value.hint or "")


@pytest.mark.parametrize("habits", [Habits(), Habits(referrers=False)], ids=["api", "tag"])
def test_referrers_both_ways(store: ContentStore, habits: Habits) -> None:
    registry = Registry(habits)
    root = image(store)
    publish(registry, store, root, _NAME, "1")
    registry.add_blob(_NAME, b"{}")
    with asking(registry) as (client, _):
        assert client.referrers(root.digest) == ()
        made = [artifact(root, f"application/vnd.{kind}", annotations={"k": kind}) for kind in "ab"]
        for data in (*made, made[0]):
            client.put_manifest(data, OCI_MANIFEST, digest_of(data))
        found = {one.digest: one for one in client.referrers(root.digest)}
        assert set(found) == {digest_of(data) for data in made}
        one = found[Digest(digest_of(made[0]))]
        assert (one.artifact_type, one.annotations, one.size) == ("application/vnd.a", {"k": "a"}, len(made[0]))
        assert client.referrers(root.digest, "application/vnd.b") == (found[Digest(digest_of(made[1]))],)


def test_a_list_of_referrers_that_others_change_too(store: ContentStore) -> None:
    """The first write of the list is refused as somebody else was faster, and then tried again on theirs."""
    registry = Registry(Habits(referrers=False))
    root = image(store)
    publish(registry, store, root, _NAME, "1")
    registry.add_blob(_NAME, b"{}")
    other = artifact(root, "application/vnd.other")
    registry.add_manifest(_NAME, other)
    tag = root.digest.replace(":", "-")

    def faster(request: Request, service: Service) -> Answer:
        entry = Descriptor.of(other, media_type=OCI_MANIFEST)
        index = encode(Index(schema_version=2, media_type=OCI_INDEX, manifests=(entry,)))
        registry.add_manifest(_NAME, index, tag, media_type=OCI_INDEX)
        return act.status(412)(request, service)

    with asking(Plan([Rule("PUT", f"manifests/{tag}", faster)]).around(registry)) as (client, _):
        data = artifact(root, "application/vnd.mine")
        client.put_manifest(data, OCI_MANIFEST, digest_of(data))
        assert {one.digest for one in client.referrers(root.digest)} == {digest_of(data), digest_of(other)}


def test_a_version_that_is_told_is_kept_to(store: ContentStore) -> None:
    registry = Registry(Habits(referrers=False))
    root = image(store)
    publish(registry, store, root, _NAME, "1")
    registry.add_blob(_NAME, b"{}")
    tag = root.digest.replace(":", "-")
    with asking(Plan([Rule("GET", tag, act.header("ETag", '"v1"'), FOREVER)]).around(registry)) as (client, server):
        for kind in ("a", "b"):
            data = artifact(root, kind)
            client.put_manifest(data, OCI_MANIFEST, digest_of(data))
        assert [one.header("If-Match") for one in server.asked("PUT", tag)] == [None, '"v1"']


def test_a_small_blob_is_checked(store: ContentStore) -> None:
    registry = Registry()
    data = b"x" * 5000
    registry.add_blob(_NAME, data)
    wanted = Descriptor.of(data, media_type="text/plain")
    with asking(Plan([Rule("GET", "blobs", act.corrupt(7), 2)]).around(registry)) as (client, _):
        for _turn in range(2):
            with pytest.raises(ContentError):
                client.get_blob(wanted)
        assert client.get_blob(wanted) == data


def test_mounting(store: ContentStore) -> None:
    registry = Registry()
    digest = Digest(registry.add_blob("other/app", b"blob"))
    with asking(registry) as (client, _):
        assert client.mount_blob(digest, Repository(client.repository.registry, "other/app"))
        assert client.stat_blob(digest) == 4
        assert not client.mount_blob(Digest(digest_of(b"y")), Repository(client.repository.registry, "other/app"))
        assert not registry.uploads


def test_what_is_denied_is_told(store: ContentStore) -> None:
    rule = Rule("PUT", "manifests", act.status(403, reason="DENIED", message="tag kept"), FOREVER)
    root = image(store)
    with (
        asking(Plan([rule]).around(Registry(Habits(strict=False)))) as (client, _),
        pytest.raises(AccessDenied, match="tag kept"),
    ):
        client.put_manifest(store.get(root), OCI_MANIFEST, "1")
