"""Manifests are taken when they are whole, given out as they were, and deleted with care."""

import json

import pytest

from smidgen.errors import NotFound
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import sha256
from smidgen.oci.manifest import MAX_DOCUMENT
from smidgen.oci.media_types import DOCKER_MANIFEST, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.asking import CONFIG, Asker, image, index


def push_parts(ask: Asker) -> None:
    ask.push_blob(CONFIG)
    ask.push_blob(b"layer")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_by_tag_and_digest(ask: Asker, method: str) -> None:
    descriptor = ask.push_image("1.0")
    for reference in ("1.0", descriptor.digest):
        reply = ask(method, f"/v2/app/manifests/{reference}")
        assert (reply.status, reply.content) == (200, image() if method == "GET" else b"")
        assert reply.headers["Content-Type"] == OCI_MANIFEST
        assert reply.headers["Content-Length"] == str(descriptor.size)
        assert reply.headers["Docker-Content-Digest"] == descriptor.digest
        known = ask(method, f"/v2/app/manifests/{reference}", headers={"If-None-Match": reply.headers["ETag"]})
        assert known.status == 304


def test_the_place_of_what_was_pushed(ask: Asker) -> None:
    push_parts(ask)
    reply = ask.push_manifest(image(), "1.0")
    assert reply.headers["Docker-Content-Digest"] == sha256(image())
    assert ask("GET", reply.place).content == image()


def test_bytes_are_kept_as_they_came(ask: Asker) -> None:
    push_parts(ask)
    odd = json.dumps({**json.loads(image()), "unknown": [1, {"x": None}]}, indent=3).encode() + b"\n\n"
    ask.push_manifest(odd, "odd")
    assert ask("GET", "/v2/app/manifests/odd").content == odd


@pytest.mark.parametrize("name", ["app", "library/app", "docker.io/library/app", "docker.io/app"])
def test_names_of_docker(ask: Asker, store: ContentStore, name: str) -> None:
    descriptor = ask.push_image("1.0", name)
    assert store.tags() == {Reference.parse("app:1.0"): descriptor}
    for other in ("app", "library/app", "docker.io/library/app"):
        assert ask("GET", f"/v2/{other}/manifests/1.0").status == 200


def test_names_with_a_registry(ask: Asker, store: ContentStore) -> None:
    descriptor = ask.push_image("1.0", "ghcr.io/me/app")
    ask.push_image("1.0", "me/app", text=b"other")
    assert store.resolve(Reference.parse("ghcr.io/me/app:1.0")) == descriptor
    assert store.resolve(Reference.parse("me/app:1.0")) != descriptor


def test_what_the_store_has_is_served(ask: Asker, store: ContentStore) -> None:
    descriptor = ask.push_image("1.0")
    store.tag(Reference.parse("example.com/other:2"), descriptor)
    assert ask("GET", "/v2/example.com/other/manifests/2").content == image()
    store.untag(Reference.parse("example.com/other:2"))
    assert ask("GET", "/v2/example.com/other/manifests/2").code == "MANIFEST_UNKNOWN"


@pytest.mark.parametrize(
    "name",
    ["UPPER", "-a", "a..b", "a__b__", "a//b", "a/", "..", "../../etc", "%2e%2e", "a%2f..%2f..%2fetc", "a:1", "a@b",
     "a" * 256, "localhost:1/a", "ünicode", "a%00", "_catalog/x"],
)  # fmt: skip
def test_wrong_names(ask: Asker, name: str) -> None:
    for place in ("manifests/1.0", "tags/list", f"blobs/{sha256(b'')}", f"referrers/{sha256(b'')}"):
        reply = ask("GET", f"/v2/{name}/{place}".encode("latin-1").decode("latin-1").replace("ü", "%C3%BC"))
        assert (reply.status, reply.code) in {(400, "NAME_INVALID"), (404, "NAME_UNKNOWN")}, place


@pytest.mark.parametrize("tag", ["-x", ".x", "a" * 129, "a%20b", "a+b", "ä", "%2e%2e"])
def test_wrong_tags(ask: Asker, tag: str) -> None:
    push_parts(ask)
    path = f"/v2/app/manifests/{tag}".replace("ä", "%C3%A4")
    assert ask("GET", path).status == 400
    assert ask("PUT", path, image(), {"Content-Type": OCI_MANIFEST}).status == 400


def test_accepted_types(ask: Asker) -> None:
    ask.push_image("1.0")
    for accept in ("", "*/*", "application/*;q=0.5", f"text/html, {OCI_MANIFEST};q=0.1", OCI_MANIFEST.upper()):
        assert ask("GET", "/v2/app/manifests/1.0", headers={"Accept": accept}).status == 200, accept
    reply = ask("GET", "/v2/app/manifests/1.0", headers={"Accept": f"{OCI_INDEX}, {DOCKER_MANIFEST}"})
    assert (reply.status, reply.code) == (404, "MANIFEST_UNKNOWN")
    assert OCI_MANIFEST in reply.json["errors"][0]["message"]


def test_missing_parts(ask: Asker) -> None:
    ask.push_blob(CONFIG)
    reply = ask.push_manifest(image(), "1.0")
    assert (reply.status, reply.code) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert sha256(b"layer") in reply.json["errors"][0]["message"]
    assert ask("GET", "/v2/app/manifests/1.0").code == "MANIFEST_UNKNOWN"


def test_an_index_needs_its_manifests(ask: Asker, store: ContentStore) -> None:
    descriptor = Descriptor.of(image(), media_type=OCI_MANIFEST)
    assert ask.push_manifest(index(descriptor), "all", media_type=OCI_INDEX).code == "MANIFEST_BLOB_UNKNOWN"
    # A blob that looks like one is not enough: what it needs is missing.
    ask.push_blob(image())
    assert ask.push_manifest(index(descriptor), "all", media_type=OCI_INDEX).code == "MANIFEST_BLOB_UNKNOWN"
    ask.push_image()
    assert ask.push_manifest(index(descriptor), "all", media_type=OCI_INDEX).status == 201
    assert [str(name) for name in store.tags()] == ["docker.io/library/app:all"]
    # The entry that kept the manifest until then has gone.
    assert len(store.roots()) == 1


def test_an_empty_index_and_one_of_indexes(ask: Asker) -> None:
    empty = index()
    assert ask.push_manifest(empty, "empty", media_type=OCI_INDEX).status == 201
    nested = index(Descriptor.of(empty, media_type=OCI_INDEX))
    assert ask.push_manifest(nested, "nested", media_type=OCI_INDEX).status == 201
    assert ask("GET", f"/v2/app/manifests/{sha256(nested)}").headers["Content-Type"] == OCI_INDEX


def test_layers_that_nobody_may_distribute_may_be_missing(ask: Asker) -> None:
    push_parts(ask)
    document = json.loads(image())
    document["layers"].append(
        {
            "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "digest": sha256(b"elsewhere"),
            "size": 9,
            "urls": ["https://example.com/layer"],
        }
    )
    assert ask.push_manifest(json.dumps(document).encode(), "windows").status == 201


def _changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(image()), **fields}).encode()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"", OCI_MANIFEST),
        (b"{", OCI_MANIFEST),
        (b"[]", OCI_MANIFEST),
        (b"\xff\xfe", OCI_MANIFEST),
        (b"[" * 100_000, OCI_MANIFEST),
        (_changed(schemaVersion=1), OCI_MANIFEST),
        (_changed(mediaType=OCI_INDEX), OCI_MANIFEST),
        (_changed(config={}), OCI_MANIFEST),
        (_changed(config={"mediaType": "x", "digest": "sha256:../../../etc/passwd", "size": 1}), OCI_MANIFEST),
        (_changed(layers=[{"mediaType": OCI_LAYER, "digest": sha256(b"layer"), "size": -1}]), OCI_MANIFEST),
        (_changed(layers=[{"mediaType": OCI_LAYER, "digest": sha256(b"layer"), "size": 6}]), OCI_MANIFEST),
        (_changed(layers=[{"mediaType": OCI_LAYER, "digest": "sha512:" + "a" * 128, "size": 6}]), OCI_MANIFEST),
        (image(), OCI_INDEX),
        (image(), "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        (image(), "text/plain"),
        (b"no", ""),
    ],
)
def test_not_well_formed(ask: Asker, store: ContentStore, data: bytes, media_type: str) -> None:
    push_parts(ask)
    reply = ask.push_manifest(data, "1.0", media_type=media_type)
    assert (reply.status, reply.code) == (400, "MANIFEST_INVALID")
    assert store.tags() == {}


def test_without_a_media_type_it_says_itself(ask: Asker) -> None:
    push_parts(ask)
    assert ask("PUT", "/v2/app/manifests/1.0", image()).status == 201
    assert (
        ask("PUT", "/v2/app/manifests/2.0", image(), {"Content-Type": f"{OCI_MANIFEST}; charset=utf-8"}).status == 201
    )
    bare = _changed(mediaType="")
    assert ask("PUT", "/v2/app/manifests/bare", bare).status == 201
    assert ask("GET", f"/v2/app/manifests/{sha256(bare)}").headers["Content-Type"] == OCI_MANIFEST


def test_another_digest(ask: Asker) -> None:
    push_parts(ask)
    reply = ask.push_manifest(image(), sha256(b"other"))
    assert (reply.status, reply.code) == (400, "DIGEST_INVALID")
    assert ask.push_manifest(image(), "sha512:" + "a" * 128).code == "DIGEST_INVALID"
    assert ask("GET", f"/v2/app/manifests/{sha256(image())}").status == 404


@pytest.mark.parametrize("chunked", [False, True])
def test_size(ask: Asker, chunked: bool) -> None:  # noqa: FBT001
    push_parts(ask)
    room = MAX_DOCUMENT - len(image(annotations={"a": ""}))
    largest = image(annotations={"a": "x" * room})
    assert len(largest) == MAX_DOCUMENT
    for data, status in ((largest, 201), (largest + b" ", 413)):
        content = iter([data]) if chunked else data
        reply = ask("PUT", "/v2/app/manifests/big", content, {"Content-Type": OCI_MANIFEST})
        assert reply.status == status
    assert ask("GET", "/v2/app/manifests/big").content == largest


def test_delete_a_tag(ask: Asker) -> None:
    descriptor = ask.push_image("1.0")
    ask.push_manifest(image(), "2.0")
    assert ask("DELETE", "/v2/app/manifests/1.0").status == 202
    assert ask("GET", "/v2/app/manifests/1.0").status == 404
    assert ask("GET", "/v2/app/manifests/2.0").status == 200
    assert ask("GET", f"/v2/app/manifests/{descriptor.digest}").status == 200
    reply = ask("DELETE", "/v2/app/manifests/1.0")
    assert (reply.status, reply.code) == (404, "MANIFEST_UNKNOWN")


def test_delete_a_manifest_with_its_tags(ask: Asker, store: ContentStore) -> None:
    descriptor = ask.push_image("1.0")
    ask.push_manifest(image(), "2.0")
    assert ask("DELETE", f"/v2/app/manifests/{descriptor.digest}").status == 202
    for reference in ("1.0", "2.0", descriptor.digest):
        assert ask("HEAD", f"/v2/app/manifests/{reference}").status == 404
    assert store.roots() == ()
    assert ask("DELETE", f"/v2/app/manifests/{descriptor.digest}").status == 404


def test_another_repository_keeps_what_is_deleted_in_one(ask: Asker) -> None:
    descriptor = ask.push_image("1.0")
    ask.push_image("1.0", "other")
    assert ask("DELETE", f"/v2/app/manifests/{descriptor.digest}").status == 202
    assert ask("GET", "/v2/app/manifests/1.0").status == 404
    assert ask("GET", "/v2/other/manifests/1.0").content == image()


def test_a_part_of_an_index_is_not_deleted(ask: Asker) -> None:
    descriptor = ask.push_image()
    ask.push_manifest(index(descriptor), "all", media_type=OCI_INDEX)
    reply = ask("DELETE", f"/v2/app/manifests/{descriptor.digest}")
    assert (reply.status, reply.code) == (405, "UNSUPPORTED")
    assert "app:all" in reply.json["errors"][0]["message"]
    assert ask("DELETE", f"/v2/app/manifests/{sha256(index(descriptor))}").status == 202
    assert ask("DELETE", f"/v2/app/manifests/{descriptor.digest}").status == 202


def test_a_layer_is_no_manifest(ask: Asker, store: ContentStore) -> None:
    ask.push_image("1.0")
    for blob in (CONFIG, b"layer"):
        for method in ("GET", "DELETE"):
            assert ask(method, f"/v2/app/manifests/{sha256(blob)}").code == "MANIFEST_UNKNOWN"
        assert store.stat(sha256(blob))


def test_what_is_pushed_by_digest_outlives_a_collection(ask: Asker, store: ContentStore) -> None:
    descriptor = ask.push_image()
    store.gc(wait=30)
    assert ask("GET", f"/v2/app/manifests/{descriptor.digest}").content == image()
    ask("DELETE", f"/v2/app/manifests/{descriptor.digest}")
    store.gc(wait=30)
    with pytest.raises(NotFound):
        store.get(descriptor)


def test_a_damaged_blob_is_found_and_can_be_pushed_again(ask: Asker, store: ContentStore) -> None:
    push_parts(ask)
    store.blob_path(sha256(b"layer")).write_bytes(b"lay")
    assert ask.push_manifest(image(), "1.0").code == "MANIFEST_BLOB_UNKNOWN"
    assert ask("HEAD", f"/v2/app/blobs/{sha256(b'layer')}").status == 404
    ask.push_blob(b"layer")
    assert ask.push_manifest(image(), "1.0").status == 201


def test_a_damaged_manifest_counts_as_absent(ask: Asker, store: ContentStore) -> None:
    descriptor = ask.push_image("1.0")
    store.blob_path(descriptor.digest).write_bytes(b"x" * descriptor.size)
    assert ask("GET", "/v2/app/manifests/1.0").code == "MANIFEST_UNKNOWN"
    assert ask.push_manifest(image(), "1.0").status == 201
    assert ask("GET", "/v2/app/manifests/1.0").content == image()
