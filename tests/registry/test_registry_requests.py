"""Requests over real sockets: what is sent again, where it is led to, and what is told of it."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from smidgen.errors import (
    AccessDenied,
    InvalidAnswer,
    LimitExceeded,
    NotInRegistry,
    RegistryError,
    RegistryUnreachable,
    SizeMismatch,
    TooManyRequests,
)
from smidgen.registry.addresses import is_internal, is_loopback
from smidgen.registry.call import Call
from smidgen.registry.challenge import parse_challenges
from smidgen.registry.exchange import Exchange
from smidgen.registry.hosts import Hosts
from smidgen.registry.redact import Secrets
from smidgen.registry.repository import Repository
from smidgen.registry.retry import RetryPolicy, is_repeatable
from smidgen.registry.session import Session
from smidgen.registry.transport import Limits, Transport
from smidgen.registry.url import Url
from support.registry_login import entry, write
from support.registry_session import LIMITS, RETRY
from support.registry_wire import Answer, Drop, Request, Server, serving

_JSON = (("Content-Type", "application/json"),)


class Script:
    """Answers a path with each of its answers in turn, the last one for ever; anything else with 200."""

    def __init__(self, **answers: list[Answer | Callable[[Request], Answer]]) -> None:
        self.answers = answers

    def __call__(self, request: Request) -> Answer:
        for name, left in self.answers.items():
            if request.path.endswith(f"/{name}"):
                answer = left.pop(0) if len(left) > 1 else left[0]
                return answer if isinstance(answer, Answer) else answer(request)
        return Answer(200)


def open_session(warn: list[str] | None = None, **environ: str) -> Session:
    said = [] if warn is None else warn
    return Session(
        environ={"HOME": "/nonexistent", **environ}, hosts=Hosts(), warn=said.append, limits=LIMITS, retry=RETRY
    )


def place(server: Server) -> Repository:
    return Repository(server.host, "team/app")


def drop(_request: Request) -> Answer:
    raise Drop


@pytest.mark.parametrize("status", [408, 429, 499, 500, 502, 503, 504, 522])
def test_what_passes_is_waited_for(status: int) -> None:
    script = Script(x=[Answer(status), Answer(status, (("Retry-After", "0"),)), drop, Answer(200, body=b"there")])
    with serving(script) as server, open_session() as session:
        with session.request("GET", place(server), "manifests/x") as response:
            assert response.read(10) == b"there"
        assert len(server.asked(part="manifests/x")) == 4


@pytest.mark.parametrize(("method", "path"), [("POST", "blobs/uploads/x"), ("PATCH", "x"), ("PUT", "blobs/uploads/x")])
def test_what_may_have_been_done_is_not_done_again(method: str, path: str) -> None:
    with serving(Script(x=[Answer(503), Answer(200)])) as server, open_session() as session:
        with pytest.raises(RegistryError) as caught:
            session.request(method, place(server), path, body=b"body")
        assert caught.value.status == 503
        assert len(server.asked(method)) == 1
    with serving(Script(x=[drop, Answer(200)])) as server, open_session() as session:
        with pytest.raises(RegistryUnreachable):
            session.request(method, place(server), path, body=b"body")
        assert len(server.asked(method)) == 1


def test_a_manifest_is_put_again() -> None:
    got: list[bytes] = []

    def keep(request: Request) -> Answer:
        got.append(request.body)
        return Answer(503 if len(got) < 3 else 201)

    with serving(Script(x=[keep])) as server, open_session() as session:
        session.request("PUT", place(server), "manifests/x", body=b"{}", expect=(201,)).close()
    assert got == [b"{}"] * 3


def test_a_registry_that_wants_too_much_patience() -> None:
    limits = (("Retry-After", "3600"), ("RateLimit-Limit", "100;w=21600"), ("RateLimit-Remaining", "0"))
    with serving(Script(x=[Answer(429, limits)])) as server, open_session() as session:
        with pytest.raises(TooManyRequests) as caught:
            session.request("GET", place(server), "manifests/x")
        assert len(server.asked(part="manifests/x")) == 1
    assert "100;w=21600" in str(caught.value)
    assert "3600" in str(caught.value)
    assert "smidgen login" in str(caught.value.hint)


def test_delays() -> None:
    policy = RetryPolicy(chance=lambda: 1.0, clock=lambda: 1_000_000_000.0)
    assert [policy.delay(attempt, None) for attempt in range(1, 10)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, None]
    assert policy.delay(1, "7") == 7
    assert policy.delay(1, "0") == 0.2
    assert policy.delay(1, "61") is None
    assert policy.delay(1, "9" * 50) is None
    assert policy.delay(1, "Sun, 09 Sep 2001 01:46:50 GMT") == 10
    assert policy.delay(1, "Sun, 09 Sep 1999 01:46:50 GMT") == 0.2
    for nonsense in ("", "soon", "-5", "1.5", "٣", "Sun, 99 Sep 2001 01:46:50 GMT"):
        assert policy.delay(1, nonsense) == 0.2, nonsense
    assert is_repeatable("PUT", "manifests/1")
    assert not is_repeatable("PUT", "/v2/a/blobs/uploads/1")


def test_connections_are_kept() -> None:
    ports: set[str] = set()

    def note(request: Request) -> Answer:
        ports.add(str(request.stream))
        return Answer(404, _JSON, b'{"errors":[]}')

    with serving(Script(x=[note])) as server, open_session() as session:
        for method in ("GET", "HEAD", "GET"):
            with session.request(method, place(server), "blobs/x", expect=(404,)):
                pass
    assert len(ports) == 1


def test_an_early_answer_to_a_long_body_is_read() -> None:
    def refuse(_request: Request) -> Answer:
        return Answer(413, _JSON, b'{"errors":[{"code":"SIZE_INVALID","message":"too large for us"}]}')

    with serving(Script(x=[refuse])) as server, open_session() as session:
        with pytest.raises(RegistryError, match="too large for us") as caught:
            session.request("PUT", place(server), "blobs/uploads/x", body=b"x" * (3 << 20))
        assert caught.value.code == "SIZE_INVALID"
        assert "limits how much" in str(caught.value.hint)


class Piped:
    """A body of no file, which says that it is longer than it is."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size = data, size

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


def test_a_body_that_is_too_short() -> None:
    with serving(Script()) as server, open_session() as session, pytest.raises(SizeMismatch):
        session.request("PUT", place(server), "blobs/uploads/x", body=Piped(b"abc", 5))


class FileBody:
    def __init__(self, path: Path) -> None:
        self.path, self.size = path, path.stat().st_size

    def open(self) -> BinaryIO:
        return self.path.open("rb")


def test_bodies_arrive_whole(tmp_path: Path) -> None:
    data = bytes(range(256)) * 20_000
    (tmp_path / "file").write_bytes(data)
    got: list[bytes] = []

    def keep(request: Request) -> Answer:
        got.append(request.body)
        return Answer(201)

    with serving(Script(x=[keep])) as server, open_session() as session:
        for body in (data, FileBody(tmp_path / "file"), Piped(data, len(data))):
            session.request("PUT", place(server), "blobs/uploads/x", body=body, expect=(201,)).close()
    assert got == [data] * 3


def test_a_limit_is_kept() -> None:
    with serving(Script(x=[Answer(200, body=b"x" * 100)])) as server, open_session() as session:
        for limit in (99, 10):
            with session.request("GET", place(server), "blobs/x") as response, pytest.raises(LimitExceeded):
                response.read(limit)
        with session.request("GET", place(server), "blobs/x") as response:
            assert response.read(100) == b"x" * 100


# Where a registry leads


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest",
        "http://10.0.0.1/x",
        "http://[fd00::1]/x",
        "http://[::ffff:10.0.0.1]/x",
        "http://0xa9fea9fe/x",
        "file:///etc/passwd",
        "http://user:word@127.0.0.1/x",
        "http://a b/",
        "//10.0.0.1/x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_where_nobody_may_be_led(location: str, method: str) -> None:
    with serving(Script(x=[Answer(307, (("Location", location),))])) as server, open_session() as session:
        with pytest.raises(InvalidAnswer) as caught:
            session.request(method, place(server), "blobs/x", body=b"" if method == "PUT" else None)
        assert server.host in str(caught.value)
        assert "word" not in str(caught.value)
        # A Location that the caller follows itself is looked at likewise.
        if location.startswith("http"):
            with pytest.raises(InvalidAnswer):
                session.request("PUT", place(server), location, body=b"")


def test_a_redirect_of_an_upload_keeps_method_and_body() -> None:
    got: list[tuple[str, bytes]] = []

    def keep(request: Request) -> Answer:
        got.append((request.method, request.body))
        return Answer(201)

    script = Script(
        x=[Answer(308, (("Location", "/v2/team/app/y?a=b"),))], y=[keep], z=[Answer(302, (("Location", "/y"),))]
    )
    with serving(script) as server, open_session() as session:
        session.request("PATCH", place(server), "x", body=b"body", expect=(201,)).close()
        assert got == [("PATCH", b"body")]
        with pytest.raises(InvalidAnswer, match="302"):
            session.request("PATCH", place(server), "z", body=b"body", expect=(201,))


def test_tls_is_not_left() -> None:
    transport = Transport(environ={}, limits=Limits(), secrets=Secrets())
    exchange = Exchange(transport, Hosts(), RETRY, pytest.fail)
    call = Call(
        method="PUT",
        url=Url.parse("https://registry.example/v2/x"),
        registry="registry.example",
        headers={"Authorization": "Bearer x", "Accept": "y"},
    )
    with pytest.raises(InvalidAnswer, match="from TLS to plain http"):
        exchange.moved(call, "http://storage.example/x", "it leads")
    # The registry's own name with http is what a proxy before it makes of it.
    own = exchange.moved(call, "http://registry.example/v2/upload?x=1", "it leads")
    assert str(own.url) == "https://registry.example/v2/upload?x=1"
    assert own.headers == call.headers
    for other in ("https://storage.example/x", "https://registry.example:444/x"):
        moved = exchange.moved(call, other, "it leads")
        assert moved.headers == {"Accept": "y"}


# What is told


@pytest.mark.parametrize(
    ("status", "body", "leaf", "words"),
    [
        (404, b'{"errors":[{"code":"NAME_UNKNOWN","message":"no such repo"}]}', NotInRegistry, "no such repo"),
        (404, b"<html>secret page</html>", NotInRegistry, "Not Found"),
        (403, b'{"errors":[{"code":"DENIED","message":"not yours"}]}', AccessDenied, "not yours"),
        (401, b"", AccessDenied, "Unauthorized"),
        (418, b'{"errors":[{"code":5,"message":null}]}', RegistryError, "418"),
        (400, b'{"errors":[{"message":"\\u001b]0;owned\\u0007"}]}', RegistryError, "\\x1b"),
        (400, b'{"errors":[{"message":"' + b"x" * 5000 + b'"}]}', RegistryError, "xxx…"),
        (400, b'{"details":"of another software"}', RegistryError, "of another software"),
        (299, b"", RegistryError, "299"),
    ],
)
def test_refusals(status: int, body: bytes, leaf: type[RegistryError], words: str) -> None:
    with (
        serving(Script(x=[Answer(status, _JSON, body)])) as server,
        open_session() as session,
        pytest.raises(leaf) as caught,
    ):
        session.request("GET", place(server), "manifests/x?secret=4711")
    error = caught.value
    assert words in str(error)
    assert (error.registry, error.status) == (server.host, status)
    assert error.request == f"GET http://{server.host}/v2/team/app/manifests/x"
    assert len(str(error)) < 600
    assert "4711" not in str(error)


def test_the_file_of_wrong_credentials_is_named(tmp_path: Path) -> None:
    challenge = Answer(401, (("WWW-Authenticate", 'Basic realm="x"'),))
    with serving(lambda _request: challenge) as server:
        path = write(tmp_path / "config.json", auths={server.host: entry("me", "word-4711")})
        with open_session(DOCKER_CONFIG=str(tmp_path)) as session, pytest.raises(AccessDenied) as caught:
            session.request("GET", place(server), "manifests/x")
    assert f"the credentials of me from {path} were sent" in str(caught.value)
    assert "word-4711" not in str(caught.value)


def test_warnings_are_passed_on_once() -> None:
    header = ("Warning", '299 - "going \\"away\\" \x1b[31m", 299 - "second", 110 - "stale"')
    said: list[str] = []
    with serving(Script(x=[Answer(200, (header,))])) as server, open_session(said) as session:
        for _ in range(3):
            session.request("GET", place(server), "manifests/x").close()
    assert said == [f'{server.host} says: going "away" \\x1b[31m', f"{server.host} says: second"]


def test_netrc_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password word\n")
    (tmp_path / ".netrc").chmod(0o600)
    with serving(Script()) as server, open_session(HOME=str(tmp_path)) as session:
        session.request("GET", place(server), "manifests/x").close()
        assert all(one.header("Authorization") is None for one in server.log)
        assert all(str(one.header("User-Agent")).startswith("smidgen/") for one in server.log)


# Values


def test_challenges() -> None:
    (first, second, third) = parse_challenges(
        ['Negotiate, BASIC realm="a, \\"b\\" Bearer realm=c"', 'bearer Realm="https://x/y?a=b" , scope="a:b:c d:e:f",,']
    )
    assert (first.scheme, first.parameters) == ("negotiate", {})
    assert (second.scheme, second.parameters) == ("basic", {"realm": 'a, "b" Bearer realm=c'})
    assert (third.scheme, dict(third.parameters)) == ("bearer", {"realm": "https://x/y?a=b", "scope": "a:b:c d:e:f"})
    assert parse_challenges(["", "\x1b]0;", "=", '"', "," * 60_000]) == ()


@pytest.mark.parametrize(
    ("host", "loopback", "internal"),
    [
        ("localhost", True, True),
        ("a.localhost", True, True),
        ("127.9.9.9", True, True),
        ("127.1", True, True),
        ("2130706433", True, True),
        ("::1", True, True),
        ("::ffff:127.0.0.1", True, True),
        ("10.0.0.1", False, True),
        ("192.168.1.1", False, True),
        ("100.64.0.1", False, True),
        ("169.254.169.254", False, True),
        ("64:ff9b::a9fe:a9fe", False, True),
        ("2002:a00:1::", False, True),
        ("fe80::1%eth0", False, True),
        ("0.0.0.0", False, True),
        ("8.8.8.8", False, False),
        ("2606:4700::1111", False, False),
        ("localhost.example.com", False, False),
        ("127.0.0.1.example.com", False, False),
        ("ghcr.io", False, False),
    ],
)
def test_addresses(host: str, *, loopback: bool, internal: bool) -> None:
    assert is_loopback(host) == loopback
    assert is_internal(host) == internal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ghcr.io",
        "ftp://a/",
        "http://",
        "http://a:99999/",
        "http://a:b/",
        "http://u@a/",
        "http://[::",
        "http://" + "a" * 20_000,
    ],
)
def test_no_urls(text: str) -> None:
    with pytest.raises(ValueError, match=r"scheme|host|credentials|characters|Port|IPv6|URL"):
        Url.parse(text)


def test_secrets_are_hidden() -> None:
    secrets = Secrets()
    secrets.learn({"Authorization": "Basic bWU6cGFzcy13b3JkLTQ3MTE="})
    secrets.add("ab")
    said = secrets.hide(
        "me:pass-word-4711 pass-word-4711 bWU6cGFzcy13b3JkLTQ3MTE= ab sig-99", target="/x?sig=sig-99&digest=ab"
    )
    assert said == "[secret] [secret] [secret] ab [secret]"
