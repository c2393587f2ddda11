"""HTTP as odd servers write it: what the standard allows is read, what it forbids is never taken for an image."""

from collections.abc import Callable
from pathlib import Path

import pytest

from smidgen.errors import SmidgenError
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.reference import Reference
from smidgen.registry.pull import pull
from smidgen.store.content import ContentStore
from support import faulty_registry_actions as act
from support.faulty_registry import FOREVER, Action, Plan, Rule
from support.registry import Registry, digest_of
from support.registry_images import check_store, published
from support.registry_session import session
from support.registry_wire import Answer, Request, Server, Service, serving

_ALL = r"/v2/team/"


def fetch(server: Server, store: ContentStore) -> Descriptor:
    with session() as opened, store.writing():
        return pull(opened, Reference.parse(f"{server.host}/team/app:1"), store)


def attempt(server: Server, store: ContentStore) -> tuple[Descriptor | None, SmidgenError | None]:
    try:
        return fetch(server, store), None
    except SmidgenError as error:
        return None, error


def _head(old: bytes, new: bytes) -> Action:
    return act.rewritten(lambda head, body: head.replace(old, new) + body)


def _lowered(head: bytes, body: bytes) -> bytes:
    status, _, rest = head.partition(b"\r\n")
    lines = [line.partition(b":") for line in rest.split(b"\r\n")]
    return status + b"\r\n" + b"\r\n".join(name.lower() + colon + value for name, colon, value in lines) + body


def _chunks(change: Callable[[bytes], bytes], trailer: bytes = b"") -> Action:
    def change_all(head: bytes, body: bytes) -> bytes:
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
        # After the status line.
        lines.insert(1, b"Transfer-Encoding: chunked")
        middle = len(body) // 2
        parts = [b"%s\r\n%s\r\n" % (change(b"%X" % len(part)), part) for part in (body[:middle], body[middle:]) if part]
        return b"\r\n".join(lines) + b"".join(parts) + b"0\r\n" + trailer + b"\r\n"

    return act.rewritten(change_all)


def _typed(change: Callable[[str], str]) -> Action:
    def act_so(request: Request, service: Service) -> Answer:
        answer = service(request)
        return answer.with_header("Content-Type", change(answer.header("Content-Type") or ""))

    return act_so


_ALLOWED: dict[str, tuple[str, Action]] = {
    "no reason": (_ALL, _head(b" OK\r\n", b"\r\n")),
    "another reason": (_ALL, _head(b" OK\r\n", b" Fine, thank you \xe4\r\n")),
    "headers in lower case": (_ALL, act.rewritten(_lowered)),
    "no space after colons": (_ALL, _head(b": ", b":")),
    "much space after colons": (_ALL, _head(b": ", b":  \t ")),
    "HTTP/1.0": (_ALL, _head(b"HTTP/1.1", b"HTTP/1.0")),
    "only newlines": (_ALL, act.rewritten(lambda head, body: head.replace(b"\r\n", b"\n") + body)),
    "a provisional answer": (_ALL, act.rewritten(lambda head, body: b"HTTP/1.1 100 Continue\r\n\r\n" + head + body)),
    "an early hint": (
        _ALL,
        act.rewritten(lambda head, body: b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n" + head + body),
    ),
    "chunks with words": (r"/blobs/", _chunks(lambda size: size + b'; word="a;b"')),
    "chunks with zeros before": (r"/blobs/", _chunks(lambda size: b"000" + size.lower())),
    "chunks and headers after them": (r"/blobs/", _chunks(bytes, b"X-Checksum: 0815\r\n")),
    "a manifest in chunks": (r"/manifests/", _chunks(bytes)),
    "a media type with a parameter": (r"/manifests/", _typed(lambda one: f"{one}; charset=utf-8")),
    "a media type in upper case": (r"/manifests/", _typed(str.upper)),
    "JSON and no more": (r"/manifests/", _typed(lambda _one: "application/json")),
    "more bytes than there are, after them": (
        _ALL,
        act.rewritten(lambda head, body: head + body + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ),
    "100 headers": (_ALL, _head(b"\r\n\r\n", b"\r\n" + b"".join(b"X-%d: y\r\n" % at for at in range(80)) + b"\r\n")),
}


@pytest.mark.parametrize("name", _ALLOWED)
def test_what_is_allowed(tmp_path: Path, store: ContentStore, name: str) -> None:
    target, action = _ALLOWED[name]
    registry = Registry()
    root = published(tmp_path / "source", registry)
    plan = Plan([Rule("GET|HEAD", target, action, FOREVER)])
    with serving(plan.around(registry)) as server:
        assert fetch(server, store) == root
    assert plan.hits
    check_store(store, root)


_LENGTH = b"Content-Length: "
_FORBIDDEN: dict[str, tuple[str, Action]] = {
    "two lengths": (_ALL, _head(_LENGTH, b"Content-Length: 3\r\nContent-Length: ")),
    "a length below 0": (_ALL, _head(_LENGTH, b"Content-Length: -")),
    "a length of nonsense": (_ALL, _head(_LENGTH, b"Content-Length: x")),
    "a length beyond all": (_ALL, _head(_LENGTH, b"Content-Length: " + b"9" * 400)),
    "a length and chunks": (r"/blobs/", _head(_LENGTH, b"Transfer-Encoding: chunked\r\nContent-Length: ")),
    "a chunk below 0": (r"/blobs/", _chunks(lambda size: b"-" + size)),
    "a chunk of nonsense": (r"/blobs/", _chunks(lambda _size: b"zz")),
    "a chunk beyond all": (r"/blobs/", _chunks(lambda _size: b"F" * 40)),
    "a chunk that never says how long": (r"/blobs/", _chunks(lambda _size: b"0" * 200_000)),
    "a status below all": (_ALL, _head(b" 200 ", b" 099 ")),
    "a status beyond all": (_ALL, _head(b" 200 ", b" 1000 ")),
    "a status of nonsense": (_ALL, _head(b" 200 ", b" abc ")),
    "204": (_ALL, act.document(b"", "text/plain", code=204)),
    "205": (_ALL, act.document(b"x", "text/plain", code=205)),
    "206 that nobody asked for": (r"/blobs/", act.document(b"x" * 100, "text/plain", code=206)),
    "304": (_ALL, act.document(b"", "text/plain", code=304)),
    "300 without an address": (_ALL, act.document(b"x", "text/plain", code=300)),
    "provisional answers for ever": (_ALL, act.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000)),
    "a header of 1 MB": (_ALL, _head(_LENGTH, b"X: " + b"x" * (1 << 20) + b"\r\nContent-Length: ")),
    "TLS": (_ALL, act.raw(b"\x15\x03\x01\x00\x02\x02\x46")),
    "nothing but newlines": (_ALL, act.raw(b"\r\n" * 100_000)),
    "zeros": (_ALL, act.raw(bytes(1 << 20))),
}


@pytest.mark.parametrize("name", _FORBIDDEN)
def test_what_is_forbidden(tmp_path: Path, store: ContentStore, name: str) -> None:
    """It may be read nevertheless, where it can only be meant so; what comes is right, or there is an error."""
    target, action = _FORBIDDEN[name]
    registry = Registry()
    root = published(tmp_path / "source", registry)
    plan = Plan([Rule("GET|HEAD", target, action, FOREVER)])
    with serving(plan.around(registry)) as server:
        got, failed = attempt(server, store)
        assert failed is None or server.host in str(failed), failed
    assert str(failed).isprintable()
    assert got == root or failed
    if got:
        check_store(store, got)
    assert plan.hits
    for path in store.root.glob("blobs/sha256/*"):
        assert digest_of(path.read_bytes()) == f"sha256:{path.name}"
