"""What is no request, or could be read as two, is refused; and nobody holds a connection for nothing."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smidgen.oci.digest import sha256
from smidgen.server.body import Body
from smidgen.server.head import MAX_HEAD, MAX_LINE, parse_head
from smidgen.server.refusal import ConnectionLost, Refusal
from smidgen.server.wire import Wire
from support.asking import Asker

DATA = b"some bytes"
DIGEST = sha256(DATA)
POST = b"POST /v2/app/blobs/uploads/?digest=" + DIGEST.encode() + b" HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n"
CLOSE = b"Connection: close\r\n\r\n"


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /v2/\r\n\r\n", 400),
        (b"get /v2/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET  /v2/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET v2 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /v2/ HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /v2/ HTTP/1.1\r\n\r\n", 400),
        (GET + b"Host: y\r\n\r\n", 400),
        (GET + b"Spaced : x\r\n\r\n", 400),
        (GET + b"Folded: x\r\n y\r\n\r\n", 400),
        (GET + b": x\r\n\r\n", 400),
        (GET + b"Bare: x\ny: z\r\n\r\n", 400),
        (GET + b"Nul: \x00\r\n\r\n", 400),
        (GET + b"X: y\r\n" * 101 + b"\r\n", 431),
        (GET + b"X: " + b"y" * MAX_HEAD + b"\r\n\r\n", 400),
        (b"GET /" + b"a" * MAX_LINE + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (GET + b"Expect: miracles\r\n\r\n", 417),
        (b"GET /v2/?" + b"a=b&" * 21 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        # Two lengths, or a length that is none: where the next request begins is not certain.
        (POST + b"Content-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: 10\r\nContent-Length: 11\r\n\r\n" + DATA, 400),
        (POST + b"Content-Length: 10, 10\r\n\r\n" + DATA, 400),
        (POST + b"Content-Length: +10\r\n\r\n" + DATA, 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: 0x10\r\n\r\n", 400),
        (POST + b"Content-Length: 9999999999999999999999\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        # Chunks that are none.
        (POST + b"Transfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n 1\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 300, 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 300 + b"\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 60, 400),
    ],
)
def test_refused(ask: Asker, request_: bytes, status: int) -> None:
    # A second request behind it must not be answered: it may be the content of the first.
    answer = ask.raw(request_ + GET + CLOSE)
    assert statuses(answer) == [status]
    assert b"Connection: close" in answer
    assert b'{"errors":[{"code":' in answer
    assert ask("HEAD", f"/v2/app/blobs/{DIGEST}").status == 404


def test_several_requests_at_once_are_answered_in_order(ask: Asker) -> None:
    post = POST + b"Content-Length: 10\r\n\r\n" + DATA
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nsome\r\n6\r\n bytes\r\n0\r\nTrailer: x\r\n\r\n"
    answer = ask.raw(GET + b"\r\n" + post + chunked + b"\r\n" + GET + CLOSE)
    assert statuses(answer) == [200, 201, 201, 200]


def test_byte_by_byte(ask: Asker) -> None:
    request = POST + CLOSE[:-2] + b"Transfer-Encoding: chunked\r\n\r\nA\r\nsome bytes\r\n0\r\n\r\n"
    assert statuses(ask.raw(*(request[at : at + 1] for at in range(len(request))))) == [201]


def test_other_forms_of_requests(ask: Asker) -> None:
    assert statuses(ask.raw(b"GET http://other:1/v2/ HTTP/1.1\r\nHost: x\r\n" + CLOSE)) == [200]
    assert statuses(ask.raw(b"GET /v2/ HTTP/1.0\r\n\r\n")) == [200]
    assert statuses(ask.raw(b"GET /v2/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + GET + CLOSE)) == [200, 200]


def test_continue_is_said_when_the_content_is_wanted(ask: Asker) -> None:
    host, _, port = ask.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(POST + b"Content-Length: 10\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(DATA)
        assert statuses(connection.recv(1000)) == [201]
        # Not where the answer is no whatever the content: then it need not be sent.
        connection.sendall(b"PUT /v2/app/blobs/uploads/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n")
        connection.sendall(b"Expect: 100-continue\r\n\r\n")
        assert statuses(connection.recv(1000)) == [404]


def test_content_that_nobody_wants_does_not_break_the_answer(ask: Asker) -> None:
    put = b"PUT /v2/app/blobs/uploads/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    assert statuses(ask.raw(put % 5000 + b"x" * 5000 + GET + CLOSE)) == [404, 200]
    assert statuses(ask.raw(put % 5_000_000, b"x" * 5_000_000)) == [404]


@contextmanager
def connected(patience: float = 60) -> Iterator[tuple[Wire, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wire(ours, patience=patience), theirs


def test_a_client_that_goes_away_is_noticed() -> None:
    with connected() as (wire, client):
        client.sendall(b"GET /v2/ HT")
        client.close()
        with pytest.raises(ConnectionLost):
            wire.read_head()
    with connected() as (wire, client):
        client.close()
        assert wire.read_head() is None
    with connected() as (wire, client):
        client.sendall(GET + b"Content-Length: 5\r\n\r\nab")
        client.close()
        head = wire.read_head()
        assert head
        body = Body(wire, parse_head(head))
        with pytest.raises(ConnectionLost):
            body.read(10)


@given(
    st.binary(max_size=200) | st.from_regex(rb"\A(GET|PUT) /[^ ]{0,40} HTTP/1[.]1(\r\n[!-~]{1,9}:[ -~]{0,20}){0,5}\Z")
)
def test_a_head_of_any_bytes_is_a_head_or_refused(data: bytes) -> None:
    try:
        head = parse_head(data)
    except Refusal as refusal:
        refused = refusal.close
    else:
        refused = head.path.startswith("/") and head.method.isupper()
    assert refused


def test_more_connections_than_are_kept_are_turned_away(ask: Asker) -> None:
    host, _, port = ask.address.partition(":")
    held = [socket.create_connection((host, int(port)), timeout=60) for _ in range(256)]
    try:
        for connection in held:
            connection.sendall(GET + b"\r\n")
            assert statuses(connection.recv(1000)) == [200]
        reply = ask("GET", "/v2/")
        assert (reply.status, reply.code) == (503, "TOOMANYREQUESTS")
        assert reply.headers["Retry-After"]
    finally:
        for connection in held:
            connection.close()
    while ask("GET", "/v2/").status != 200:
        pass
