"""Blobs are given out whole and in part, and deleted when no image has them."""

import random

import pytest

from smidgen.oci.digest import sha256
from smidgen.store.content import ContentStore
from support.asking import Asker, image

DATA = random.Random(1).randbytes(2048)
DIGEST = sha256(DATA)
PLACE = f"/v2/app/blobs/{DIGEST}"


@pytest.fixture(autouse=True)
def _pushed(ask: Asker) -> None:
    ask.push_blob(DATA)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_whole(ask: Asker, method: str) -> None:
    reply = ask(method, PLACE)
    assert (reply.status, reply.content) == (200, DATA if method == "GET" else b"")
    assert reply.headers["Content-Length"] == "2048"
    assert reply.headers["Docker-Content-Digest"] == DIGEST
    assert reply.headers["ETag"] == f'"{DIGEST}"'
    assert reply.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("wanted", "first", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=500-1499", 500, 1500),
        ("bytes=500-", 500, 2048),
        ("bytes=-500", 1548, 2048),
        ("bytes=-5000", 0, 2048),
        ("bytes=2000-5000", 2000, 2048),
        ("BYTES= 7-8 ", 7, 9),
    ],
)
def test_part(ask: Asker, wanted: str, first: int, end: int) -> None:
    reply = ask("GET", PLACE, headers={"Range": wanted})
    assert (reply.status, reply.content) == (206, DATA[first:end])
    assert reply.headers["Content-Range"] == f"bytes {first}-{end - 1}/2048"
    assert reply.headers["Content-Length"] == str(end - first)


@pytest.mark.parametrize(
    "wanted",
    ["bytes=2048-", "bytes=5000-10000", "bytes=500-0", "bytes=-0", "bytes=-", "bytes=a-b", "bytes=0-1,5-6", "bytes="],
)
def test_part_that_is_not_there(ask: Asker, wanted: str) -> None:
    reply = ask("GET", PLACE, headers={"Range": wanted})
    assert (reply.status, reply.code) == (416, "RANGE_INVALID")
    assert reply.headers["Content-Range"] == "bytes */2048"


@pytest.mark.parametrize(
    "headers", [{"Range": "lines=1-2"}, {"Range": "bytes=0-1", "If-Range": '"other"'}, {"Range": "x"}]
)
def test_part_of_another_thing_is_all_of_it(ask: Asker, headers: dict[str, str]) -> None:
    reply = ask("GET", PLACE, headers=headers)
    assert (reply.status, reply.content) == (200, DATA)


def test_parts_are_of_get_alone(ask: Asker) -> None:
    reply = ask("HEAD", PLACE, headers={"Range": "bytes=0-1"})
    assert (reply.status, reply.headers["Content-Length"]) == (200, "2048")


def test_part_if_it_is_the_same(ask: Asker) -> None:
    reply = ask("GET", PLACE, headers={"Range": "bytes=0-1", "If-Range": f'"{DIGEST}"'})
    assert (reply.status, reply.content) == (206, DATA[:2])


@pytest.mark.parametrize("tags", [f'"{DIGEST}"', f'W/"{DIGEST}"', f'"x", "{DIGEST}"', "*"])
def test_known_already(ask: Asker, tags: str) -> None:
    reply = ask("GET", PLACE, headers={"If-None-Match": tags, "Range": "bytes=0-1"})
    assert (reply.status, reply.content) == (304, b"")
    assert ask("GET", PLACE, headers={"If-None-Match": '"x"'}).status == 200


def test_empty(ask: Asker) -> None:
    digest = ask.push_blob(b"")
    assert ask("GET", f"/v2/app/blobs/{digest}").content == b""
    assert ask("GET", f"/v2/app/blobs/{digest}", headers={"Range": "bytes=0-"}).status == 416


def test_unknown(ask: Asker) -> None:
    reply = ask("GET", f"/v2/app/blobs/{sha256(b'x')}")
    assert (reply.status, reply.code) == (404, "BLOB_UNKNOWN")
    assert ask("HEAD", f"/v2/app/blobs/{sha256(b'x')}").status == 404
    assert ask("DELETE", f"/v2/app/blobs/{sha256(b'x')}").status == 404


@pytest.mark.parametrize(
    "digest",
    ["sha256:abc", "sha256:" + "A" * 64, "sha512:" + "a" * 128, "..", "md5:" + "a" * 32, "%2e%2e%2findex.json", "x"],
)
def test_a_digest_that_is_none(ask: Asker, digest: str) -> None:
    reply = ask("GET", f"/v2/app/blobs/{digest}")
    assert reply.status in {400, 404}
    assert reply.code in {"DIGEST_INVALID", "NAME_UNKNOWN"}
    if digest.startswith("sha512"):
        assert "use sha256" in reply.json["errors"][0]["message"]


def test_delete(ask: Asker) -> None:
    assert ask("DELETE", PLACE).status == 202
    assert ask("HEAD", PLACE).status == 404
    assert ask("DELETE", PLACE).status == 404


def test_a_blob_of_an_image_is_not_deleted(ask: Asker, store: ContentStore) -> None:
    ask.push_image("1.0")
    digest = sha256(b"layer")
    reply = ask("DELETE", f"/v2/app/blobs/{digest}")
    assert (reply.status, reply.code) == (405, "UNSUPPORTED")
    assert "app:1.0" in reply.json["errors"][0]["message"]
    assert store.stat(digest)
    ask("DELETE", f"/v2/app/manifests/{sha256(image())}")
    assert ask("DELETE", f"/v2/app/blobs/{digest}").status == 202


def test_all_repositories_have_it(ask: Asker) -> None:
    assert ask("GET", f"/v2/ghcr.io/me/other/blobs/{DIGEST}").content == DATA


def test_a_large_blob_goes_through_whole(ask: Asker) -> None:
    large = random.Random(2).randbytes(9_000_001)
    digest = ask.push_blob(large)
    assert ask("GET", f"/v2/app/blobs/{digest}").content == large
    assert ask("GET", f"/v2/app/blobs/{digest}", headers={"Range": "bytes=4000000-"}).content == large[4_000_000:]
