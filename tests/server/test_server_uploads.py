"""Blobs are taken whole, in parts, in chunks, from elsewhere; and only if they are what they are said to be."""

import os
import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from smidgen.oci.digest import Digest, sha256
from smidgen.server.body import Body
from smidgen.server.head import parse_head
from smidgen.server.lease import Lease
from smidgen.server.listen import serving
from smidgen.server.options import ServeOptions
from smidgen.server.refusal import Refusal
from smidgen.server.uploads import Uploads
from smidgen.server.wire import Wire
from smidgen.store.content import ContentStore
from support.asking import Asker, Reply

DATA = random.Random(3).randbytes(3000)
DIGEST = sha256(DATA)
UPLOADS = "/v2/app/blobs/uploads/"


def begin(ask: Asker) -> str:
    reply = ask("POST", UPLOADS)
    assert (reply.status, reply.headers["Range"]) == (202, "0-0")
    assert reply.headers["Docker-Upload-UUID"] in reply.place
    return reply.place


def check_there(ask: Asker, reply: Reply, data: bytes = DATA) -> None:
    assert reply.status == 201
    assert reply.headers["Docker-Content-Digest"] == sha256(data)
    assert ask("GET", reply.place).content == data


def ingest(store: ContentStore) -> list[str]:
    return os.listdir(store.root / "ingest")


def test_one_post(ask: Asker) -> None:
    check_there(ask, ask("POST", f"{UPLOADS}?digest={DIGEST}", DATA))


def test_without_the_last_slash(ask: Asker) -> None:
    check_there(ask, ask("POST", f"{UPLOADS[:-1]}?digest={DIGEST}", DATA))


def test_post_and_put(ask: Asker, store: ContentStore) -> None:
    check_there(ask, ask("PUT", f"{begin(ask)}?digest={DIGEST}", DATA))
    assert ingest(store) == []


def test_parts_in_order(ask: Asker) -> None:
    place = begin(ask)
    for first in range(0, 3000, 1000):
        headers = {"Content-Range": f"{first}-{first + 999}"}
        reply = ask("PATCH", place, DATA[first : first + 1000], headers)
        assert (reply.status, reply.headers["Range"]) == (202, f"0-{first + 999}")
        place = reply.place
        told = ask("GET", place)
        assert (told.status, told.headers["Range"], told.place) == (204, f"0-{first + 999}", place)
    check_there(ask, ask("PUT", f"{place}?digest={DIGEST}"))


def test_the_last_part_with_the_put(ask: Asker) -> None:
    place = ask("PATCH", begin(ask), DATA[:1000], {"Content-Range": "0-999"}).place
    check_there(ask, ask("PUT", f"{place}?digest={DIGEST}", DATA[1000:], {"Content-Range": "1000-2999"}))


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("first", [0, 999, 1001])
def test_a_part_out_of_order(ask: Asker, method: str, first: int) -> None:
    place = ask("PATCH", begin(ask), DATA[:1000], {"Content-Range": "0-999"}).place
    target = f"{place}?digest={DIGEST}" if method == "PUT" else place
    reply = ask(method, target, DATA[first : first + 500], {"Content-Range": f"{first}-{first + 499}"})
    assert (reply.status, reply.headers["Range"], reply.place) == (416, "0-999", place)
    # Nothing is lost: it goes on where it was.
    assert ask("GET", place).headers["Range"] == "0-999"
    check_there(ask, ask("PUT", f"{place}?digest={DIGEST}", DATA[1000:]))


@pytest.mark.parametrize("content_range", ["0-998", "0-1000", "5-2", "a-b", "-", "0-99999999999999999999"])
def test_a_part_that_is_not_as_it_says(ask: Asker, content_range: str) -> None:
    place = begin(ask)
    reply = ask("PATCH", place, DATA[:1000], {"Content-Range": content_range})
    assert reply.status in {400, 416}
    assert reply.code in {"SIZE_INVALID", "BLOB_UPLOAD_INVALID"}
    check_there(ask, ask("PUT", f"{place}?digest={DIGEST}", DATA))


def test_a_stream_in_chunks(ask: Asker) -> None:
    large = random.Random(4).randbytes(5_000_000)

    def pieces() -> Iterator[bytes]:
        yield large[:1]
        yield large[1:70_000]
        yield large[70_000:4_900_000]
        yield large[4_900_000:]

    reply = ask("PATCH", begin(ask), pieces())
    assert (reply.status, reply.headers["Range"]) == (202, "0-4999999")
    check_there(ask, ask("PUT", f"{reply.place}?digest={sha256(large)}"), large)


@pytest.mark.parametrize("how", ["post", "put", "patch"])
def test_another_digest(ask: Asker, store: ContentStore, how: str) -> None:
    wrong = sha256(b"other")
    if how == "post":
        reply = ask("POST", f"{UPLOADS}?digest={wrong}", DATA)
    else:
        place = begin(ask)
        if how == "patch":
            ask("PATCH", place, DATA)
        reply = ask("PUT", f"{place}?digest={wrong}", b"" if how == "patch" else DATA)
        assert ask("GET", place).code == "BLOB_UPLOAD_UNKNOWN"
    assert (reply.status, reply.code) == (400, "DIGEST_INVALID")
    assert ask("HEAD", f"/v2/app/blobs/{wrong}").status == 404
    assert ask("HEAD", f"/v2/app/blobs/{DIGEST}").status == 404
    assert ingest(store) == []


@pytest.mark.parametrize(
    "digest", ["", "?digest=", "?digest=x", "?digest=sha512:" + "a" * 128, "?digest=sha256:" + "g" * 64]
)
def test_no_digest(ask: Asker, digest: str) -> None:
    place = begin(ask)
    reply = ask("PUT", place + digest, DATA)
    assert (reply.status, reply.code) == (400, "DIGEST_INVALID")
    check_there(ask, ask("PUT", f"{place}?digest={DIGEST}", DATA))


def test_another_algorithm_is_refused_at_once(ask: Asker) -> None:
    reply = ask("POST", f"{UPLOADS}?digest-algorithm=sha512")
    assert (reply.status, reply.code) == (400, "DIGEST_INVALID")


def test_cancel(ask: Asker, store: ContentStore) -> None:
    place = ask("PATCH", begin(ask), DATA).place
    assert len(ingest(store)) == 1
    assert ask("DELETE", place).status == 204
    assert ingest(store) == []
    for method in ("GET", "PATCH", "DELETE"):
        reply = ask(method, place)
        assert (reply.status, reply.code) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_an_upload_belongs_to_its_repository(ask: Asker) -> None:
    place = begin(ask)
    assert ask("PATCH", place.replace("/app/", "/other/"), DATA).code == "BLOB_UPLOAD_UNKNOWN"
    check_there(ask, ask("PUT", f"{place}?digest={DIGEST}", DATA))


def test_mount(ask: Asker) -> None:
    ask.push_blob(DATA, "one")
    check_there(ask, ask("POST", f"/v2/two/blobs/uploads/?mount={DIGEST}&from=one"))
    check_there(ask, ask("POST", f"/v2/two/blobs/uploads/?mount={DIGEST}"))


def test_mount_of_what_is_not_here_begins_an_upload(ask: Asker) -> None:
    reply = ask("POST", f"{UPLOADS}?mount={DIGEST}&from=one")
    assert reply.status == 202
    check_there(ask, ask("PUT", f"{reply.place}?digest={DIGEST}", DATA))


@pytest.mark.parametrize("query", ["mount=x", "mount=sha512:" + "a" * 128, f"mount={DIGEST}&from=UPPER", "from=.."])
def test_mount_of_nonsense(ask: Asker, query: str) -> None:
    assert ask("POST", f"{UPLOADS}?{query}").status == 400


def test_many_at_once(ask: Asker, store: ContentStore) -> None:
    """Many push the same blob, and each its own."""

    def push(number: int) -> Digest:
        ask.push_blob(DATA * 1000)
        return ask.push_blob(DATA + bytes([number]))

    with ThreadPoolExecutor(12) as pool:
        digests = list(pool.map(push, range(36)))
    assert len(set(digests)) == 36
    for digest in (*digests, sha256(DATA * 1000)):
        assert sha256(store.blob_path(digest).read_bytes()) == digest
    assert ingest(store) == []


def test_a_broken_connection_leaves_what_came(ask: Asker, store: ContentStore) -> None:
    place = begin(ask)
    start = f"PATCH {place} HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n".encode()
    half = DATA[:1234]
    host, _, port = ask.address.partition(":")

    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(start + half)
    # The server takes what came, when it sees that nothing more will.
    while (told := ask("GET", place)).headers["Range"] != "0-1233":
        assert told.status == 204
    check_there(ask, ask("PUT", f"{place}?digest={DIGEST}", DATA[1234:], {"Content-Range": "1234-2999"}))


def test_no_larger_than_allowed(store: ContentStore) -> None:
    with serving(store, ServeOptions(port=0, max_blob=2000)) as server:
        ask = Asker(server.address)
        assert ask("POST", f"{UPLOADS}?digest={DIGEST}", DATA).code == "SIZE_INVALID"
        place = begin(ask)
        assert ask("PATCH", place, DATA[:1500]).status == 202
        reply = ask("PATCH", place, iter([DATA[1500:2000], DATA[2000:]]))
        assert (reply.status, reply.code) == (413, "SIZE_INVALID")
        assert ask("GET", place).status == 404
        ask.push_blob(DATA[:2000])
    assert ingest(store) == []


def test_unfinished_uploads_end_with_the_server(store: ContentStore) -> None:
    with serving(store, ServeOptions(port=0)) as server:
        ask = Asker(server.address)
        ask("PATCH", begin(ask), DATA)
        assert len(ingest(store)) == 1
    assert ingest(store) == []


def test_an_upload_that_nobody_continues_is_given_up(store: ContentStore) -> None:
    uploads = Uploads(store, Lease(store), None, max_idle=0)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        body = Body(Wire(ours), parse_head(b"POST / HTTP/1.1\r\nHost: x"))
        identity = uploads.begin("app", {}, {}, body).headers["Docker-Upload-UUID"]
        assert uploads.tell("app", identity).status == 204
        uploads.expire()
        with pytest.raises(Refusal, match="no such upload"):
            uploads.tell("app", identity)
    assert ingest(store) == []
    uploads.close()
