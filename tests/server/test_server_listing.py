"""Lists of tags, repositories and referrers, whole and in pages."""

import re

import pytest

from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import sha256
from smidgen.oci.manifest import MAX_DOCUMENT
from smidgen.oci.media_types import OCI_INDEX, OCI_MANIFEST
from smidgen.oci.reference import Reference
from smidgen.server.roots import PUSHED
from smidgen.store.content import ContentStore
from support.asking import CONFIG, Asker, Reply, image, index


def following(reply: Reply) -> str:
    match = re.fullmatch(r'<([^>]+)>; rel="next"', reply.headers["Link"])
    assert match
    return match[1]


def test_base(ask: Asker) -> None:
    for path in ("/v2/", "/v2"):
        reply = ask("GET", path)
        assert (reply.status, reply.json) == (200, {})
        assert reply.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert ask("HEAD", "/v2/").status == 200


def test_tags(ask: Asker) -> None:
    for tag in ("b", "a", "C", "1.0"):
        ask.push_image(tag)
    assert ask("GET", "/v2/library/app/tags/list").json == {"name": "library/app", "tags": ["1.0", "C", "a", "b"]}
    reply = ask("GET", "/v2/app/tags/list?n=3")
    assert reply.json["tags"] == ["1.0", "C", "a"]
    reply = ask("GET", following(reply))
    assert (reply.json["tags"], reply.headers["Link"]) == (["b"], None)
    assert ask("GET", "/v2/app/tags/list?n=4").headers["Link"] is None
    assert ask("GET", "/v2/app/tags/list?n=0").json["tags"] == []
    assert ask("GET", "/v2/app/tags/list?last=a").json["tags"] == ["b"]
    assert ask("GET", "/v2/app/tags/list?n=1&last=Nobody").json["tags"] == ["a"]


def test_no_tags(ask: Asker) -> None:
    ask.push_image()
    reply = ask("GET", "/v2/app/tags/list")
    assert (reply.status, reply.code) == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "²"])
def test_a_wrong_number_of_items(ask: Asker, number: str) -> None:
    ask.push_image("1.0")
    for place in ("app/tags/list", "_catalog"):
        reply = ask("GET", f"/v2/{place}?n={number}".replace("²", "%C2%B2"))
        assert (reply.status, reply.code) == (400, "PAGINATION_NUMBER_INVALID")


def test_catalog(ask: Asker, store: ContentStore) -> None:
    assert ask("GET", "/v2/_catalog").json == {"repositories": []}
    for name in ("app", "ghcr.io/me/app", "me/app"):
        ask.push_image("1.0", name)
        ask.push_image("2.0", name)
    # A registry with a port cannot be asked for: the protocol's names have no colon.
    store.tag(Reference.parse("localhost:5000/app"), ask.push_image())
    assert ask("GET", "/v2/_catalog").json == {"repositories": ["app", "ghcr.io/me/app", "me/app"]}
    reply = ask("GET", "/v2/_catalog?n=2")
    assert reply.json["repositories"] == ["app", "ghcr.io/me/app"]
    assert ask("GET", following(reply)).json["repositories"] == ["me/app"]


def refer(ask: Asker, subject: Descriptor, kind: str, **annotations: str) -> Descriptor:
    for blob in (CONFIG, b"layer"):
        ask.push_blob(blob)
    data = image(subject=subject, artifact_type=kind, annotations={"kind": kind, **annotations})
    reply = ask.push_manifest(data, sha256(data))
    assert (reply.status, reply.headers["OCI-Subject"]) == (201, subject.digest)
    return Descriptor.of(data, media_type=OCI_MANIFEST)


def test_referrers(ask: Asker, store: ContentStore) -> None:
    subject = ask.push_image("1.0")
    place = f"/v2/app/referrers/{subject.digest}"
    assert ask("GET", place).json == {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    signature, parts = refer(ask, subject, "application/x.signature"), refer(ask, subject, "application/x.parts")
    reply = ask("GET", place)
    assert (reply.status, reply.headers["Content-Type"]) == (200, OCI_INDEX)
    assert reply.headers["OCI-Filters-Applied"] is None
    found = {entry["digest"]: entry for entry in reply.json["manifests"]}
    assert found.keys() == {signature.digest, parts.digest}
    assert found[parts.digest] == {
        "mediaType": OCI_MANIFEST,
        "digest": parts.digest,
        "size": parts.size,
        "artifactType": "application/x.parts",
        "annotations": {"kind": "application/x.parts"},
    }
    reply = ask("GET", f"{place}?artifactType=application/x.parts")
    assert reply.headers["OCI-Filters-Applied"] == "artifactType"
    assert [entry["digest"] for entry in reply.json["manifests"]] == [parts.digest]
    assert ask("GET", f"{place}?artifactType=other").json["manifests"] == []
    # They live as long as what they speak of, without entries of their own.
    store.gc(wait=30)
    assert len(ask("GET", place).json["manifests"]) == 2
    assert not any(PUSHED in (entry.annotations or {}) for entry in store.roots())
    assert ask("DELETE", f"/v2/app/manifests/{parts.digest}").status == 202
    assert [entry["digest"] for entry in ask("GET", place).json["manifests"]] == [signature.digest]


def test_without_an_artifact_type_the_configuration_tells(ask: Asker) -> None:
    subject = ask.push_image("1.0")
    for blob in (CONFIG, b"layer"):
        ask.push_blob(blob)
    ask.push_manifest(image(subject=subject, config_type="application/x.config"), "tagged")
    (entry,) = ask("GET", f"/v2/app/referrers/{subject.digest}").json["manifests"]
    assert entry["artifactType"] == "application/x.config"


def test_an_index_refers_too(ask: Asker) -> None:
    subject = ask.push_image("1.0")
    data = index()[:-1] + b',"subject":' + image(subject=subject).split(b'"subject":')[1].rpartition(b"}")[0] + b"}"
    assert ask.push_manifest(data, "list", media_type=OCI_INDEX).headers["OCI-Subject"] == subject.digest
    (entry,) = ask("GET", f"/v2/app/referrers/{subject.digest}").json["manifests"]
    assert (entry["mediaType"], "artifactType" in entry) == (OCI_INDEX, False)


def test_a_subject_may_come_later(ask: Asker, store: ContentStore) -> None:
    subject = Descriptor.of(image(), media_type=OCI_MANIFEST)
    refer(ask, subject, "application/x.early")
    store.gc(wait=30)
    assert len(ask("GET", f"/v2/app/referrers/{subject.digest}").json["manifests"]) == 1


def test_many_referrers_come_in_pages(ask: Asker) -> None:
    subject = ask.push_image("1.0")
    pushed = {refer(ask, subject, "application/x.long", at=f"{at}" + "x" * 1_500_000).digest for at in range(5)}
    found: list[str] = []
    reply = ask("GET", f"/v2/app/referrers/{subject.digest}?artifactType=application/x.long")
    pages = 1
    while True:
        assert len(reply.content) <= MAX_DOCUMENT
        found += [entry["digest"] for entry in reply.json["manifests"]]
        if not reply.headers["Link"]:
            break
        reply = ask("GET", following(reply))
        pages += 1
    assert (sorted(found), pages) == (sorted(pushed), 3)


@pytest.mark.parametrize("digest", ["x", "1.0", "sha512:" + "a" * 128])
def test_referrers_of_nonsense(ask: Asker, digest: str) -> None:
    assert ask("GET", f"/v2/app/referrers/{digest}").code == "DIGEST_INVALID"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/"),
        ("DELETE", "/v2/_catalog"),
        ("PUT", "/v2/app/tags/list"),
        ("POST", "/v2/app/manifests/1.0"),
        ("PATCH", "/v2/app/manifests/1.0"),
        ("PUT", f"/v2/app/blobs/{sha256(b'')}"),
        ("GET", "/v2/app/blobs/uploads/"),
        ("POST", "/v2/app/blobs/uploads/x"),
        ("OPTIONS", "/v2/"),
        ("TRACE", "/v2/"),
    ],
)
def test_methods_that_are_not_for_a_place(ask: Asker, method: str, path: str) -> None:
    reply = ask(method, path)
    assert (reply.status, reply.code) == (405, "UNSUPPORTED")
    assert method not in reply.headers["Allow"].split(", ")


@pytest.mark.parametrize(
    "path",
    ["/", "/v1/", "/v2x", "/v2/app", "/v2/app/", "/v2/app/other/x", "/v2//manifests/1", "/v2/tags/list", "/../v2/"],
)
def test_places_that_are_not_there(ask: Asker, path: str) -> None:
    reply = ask("GET", path)
    assert reply.status in {400, 404}
    assert reply.code in {"NAME_UNKNOWN", "NAME_INVALID"}
