"""The probe itself, started as engines start it: what it takes for health, and that no answer can harm it."""

import random
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from smidgen.elf.header import parse_elf
from smidgen.errors import CompileError, ToolchainNotFound, UsageError
from smidgen.needs.probe.binary import probe_binary
from smidgen.needs.probe.compiler import TARGETS
from smidgen.oci.platform import Platform, host_platform
from support.probes import answering, ask, compiled
from support.serving import free_port

_HTTP = {
    b"HTTP/1.1 200 OK\r\n\r\n": (0, "status 200"),
    b"HTTP/1.0 204 No Content\r\nA: b\r\n\r\n": (0, "status 204"),
    b"HTTP/1.1 302\r\n\r\n": (0, "status 302"),
    b"HTTP/1.1 399 X\n\n": (0, "status 399"),
    b"HTTP/1.1 400 X\r\n\r\n": (1, "status 400"),
    b"HTTP/1.1 503 Service Unavailable\r\n\r\n": (1, "status 503"),
    b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n": (0, "status 200"),
    b"HTTP/1.1 100\r\n\r\nHTTP/1.1 102 X\r\n\r\nHTTP/1.1 500 X\r\n\r\n": (1, "status 500"),
    b"HTTP/1.1 101 Switching\r\n\r\n": (1, "status 101"),
    b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n": (1, "not HTTP/1"),
    b"HTTP/1.1 103 Early Hints\r\nLink": (1, "closed the connection"),
    b"": (1, "not HTTP/1"),
    b"HTTP/1.1 2000 X\r\n\r\n": (1, "not HTTP/1"),
    b"HTTP/1.1 20\r\n\r\n": (1, "not HTTP/1"),
    b"HTTP/1.1 099 X\r\n\r\n": (1, "not HTTP/1"),
    b"HTTP/1.1  200 OK\r\n\r\n": (1, "not HTTP/1"),
    b"HTTP/2 200 OK\r\n\r\n": (1, "not HTTP/1"),
    b"SSH-2.0-OpenSSH_9.2\r\n": (1, "not HTTP/1"),
    b"\x16\x03\x01\x00\x05\x01": (1, "not HTTP/1"),
}


@pytest.mark.parametrize("answer", _HTTP, ids=repr)
def test_http(answer: bytes) -> None:
    with answering(answer) as port:
        verdict = ask(f"http://127.0.0.1:{port}/healthz")
    code, reason = _HTTP[answer]
    assert verdict.exit_code == code
    assert verdict.said.startswith(f"http://127.0.0.1:{port}/healthz: ")
    assert reason in verdict.said


def test_what_http_servers_are_sent() -> None:
    asked = []

    def answer(connection: socket.socket) -> None:
        asked.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    with answering(answer) as port:
        assert ask(f"http://localhost:{port}/a?b=c").exit_code == 0
        assert ask(f"http://localhost:{port}").exit_code == 0
    first, second = (one.decode().split("\r\n") for one in asked)
    assert first[:2] == ["GET /a?b=c HTTP/1.1", f"Host: localhost:{port}"]
    assert "Connection: close" in first
    assert second[0] == "GET / HTTP/1.1"


@pytest.mark.parametrize(
    ("listening", "asked", "code"),
    [
        ("127.0.0.1", "localhost", 0),
        ("::1", "localhost", 0),
        ("::1", "[::1]", 0),
        ("::1", "127.0.0.1", 1),
        ("127.0.0.1", "[::1]", 1),
    ],
)
def test_both_loopbacks(listening: str, asked: str, code: int) -> None:
    with answering(b"HTTP/1.1 200 OK\r\n\r\n", host=listening) as port:
        assert ask(f"http://{asked}:{port}/").exit_code == code
        assert ask(f"tcp://{asked}:{port}").exit_code == code


def test_nobody_listens() -> None:
    port = free_port()
    for scheme in ("http", "tcp", "grpc"):
        assert ask(f"{scheme}://localhost:{port}").said == f"{scheme}://localhost:{port}: connection refused\n"


def test_nobody_answers_in_time() -> None:
    def wait(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    def drip(connection: socket.socket) -> None:
        # A byte now and then must not keep the check alive.
        connection.settimeout(0.2)
        connection.sendall(b"HTTP/1.1 103 X\r\n")
        while True:
            try:
                if not connection.recv(65536):
                    return
            except TimeoutError:
                connection.sendall(b"A")

    with answering(wait) as port:
        assert ask("-t", "1", f"http://localhost:{port}").said.endswith(": no answer; seconds waited: 1\n")
        assert ask("-t", "1", f"grpc://localhost:{port}").said.endswith(": no answer; seconds waited: 1\n")
    with answering(drip) as port:
        assert ask("-t", "1", f"http://localhost:{port}").said.endswith(": no answer; seconds waited: 1\n")


@pytest.mark.parametrize("piece", [b"HTTP/1.1 103 X\r\n" + b"A" * 65536, b"HTTP/1.1 100 X\r\n\r\n" * 4096])
def test_an_answer_without_end_is_bounded(piece: bytes) -> None:
    def flood(connection: socket.socket) -> None:
        while True:
            connection.sendall(piece)

    with answering(flood) as port:
        verdict = ask(f"http://localhost:{port}")
    assert verdict.exit_code == 1
    assert verdict.said.endswith(("too long an answer\n", "not HTTP/1\n"))


def test_a_connection_that_is_reset() -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with answering(reset) as port:
        assert ask(f"http://localhost:{port}").exit_code == 1
        assert ask(f"grpc://localhost:{port}").exit_code == 1


_USAGE = [
    (),
    ("http://localhost:80/", "more"),
    ("-t", "http://localhost:80/"),
    ("-t", "5s", "http://localhost:80/"),
    ("-tx", "5", "http://localhost:80/"),
    ("-t", "0", "http://localhost:80/"),
    ("-t", "99999999999", "http://localhost:80/"),
    ("http://localhost/",),
    ("http://localhost:0/",),
    ("http://localhost:65536/",),
    ("http://localhost:99999999999999999999/",),
    ("http://localhost:80x/",),
    ("http://localhostx:80/",),
    ("http://example.com:80/",),
    ("ftp://localhost:80/",),
    ("http://localhost:80/a b",),
    ("http://localhost:80/\u20ac",),
    ("http://localhost:80/" + "a" * 5000,),
    ("",),
]


@pytest.mark.parametrize("arguments", _USAGE, ids=range(len(_USAGE)))
def test_bad_arguments(arguments: tuple[str, ...]) -> None:
    verdict = ask(*arguments)
    assert verdict.exit_code == 1
    assert verdict.said.endswith("\n")


# gRPC over HTTP/2, frame by frame


def _frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _message(body: bytes) -> bytes:
    return b"\0" + struct.pack(">I", len(body)) + body


_SETTINGS = _frame(4, b"\0\3\0\0\0\x64")
_HEADERS = _frame(1, b"\x88", flags=4, stream=1)
_SERVING = _frame(0, _message(b"\x08\x01"), stream=1)
_START = _SETTINGS + _frame(4, flags=1) + _HEADERS

_GRPC = {
    "serving": (_START + _SERVING + _frame(1, b"\x88", flags=5, stream=1), "SERVING", 0),
    "in pieces": (
        _START + b"".join(_frame(0, bytes([one]), stream=1) for one in _message(b"\x08\x01")),
        "SERVING",
        0,
    ),
    "padded": (_START + _frame(0, b"\x03" + _message(b"\x08\x01") + bytes(3), flags=8, stream=1), "SERVING", 0),
    "other fields": (_START + _frame(0, _message(b"\x12\x02ab\x19" + bytes(8) + b"\x08\x01"), stream=1), "SERVING", 0),
    "ping before": (_START + _frame(6, b"12345678") + _SERVING, "SERVING", 0),
    "unknown frame": (_START + _frame(200, b"x" * 100) + _SERVING, "SERVING", 0),
    "going away later": (_START + _frame(7, b"\0\0\0\1" + bytes(4)) + _SERVING, "SERVING", 0),
    "not serving": (_START + _frame(0, _message(b"\x08\x02"), stream=1), "NOT_SERVING", 1),
    "service unknown": (_START + _frame(0, _message(b"\x08\x03"), stream=1), "SERVICE_UNKNOWN", 1),
    "empty message": (_START + _frame(0, _message(b""), stream=1), "UNKNOWN", 1),
    "error": (_SETTINGS + _frame(1, b"\x88", flags=5, stream=1), "answered with an error", 1),
    "end without message": (_START + _frame(0, flags=1, stream=1), "answered with an error", 1),
    "reset": (_START + _frame(3, bytes(4), stream=1), "refused the call", 1),
    "going away": (_SETTINGS + _frame(7, bytes(8)), "refused the call", 1),
    "closed": (_START, "closed the connection", 1),
    "compressed": (_START + _frame(0, b"\1" + bytes(4), stream=1), "not a HealthCheckResponse", 1),
    "long message": (_START + _frame(0, _message(bytes(200)), stream=1), "not a HealthCheckResponse", 1),
    "huge message": (_START + _frame(0, b"\0\xff\xff\xff\xff", stream=1), "not a HealthCheckResponse", 1),
    "varint without end": (_START + _frame(0, _message(b"\x08" + b"\xff" * 20), stream=1), "not a HealthCheck", 1),
    "field beyond the end": (_START + _frame(0, _message(b"\x12\x7f"), stream=1), "not a HealthCheckResponse", 1),
    "groups": (_START + _frame(0, _message(b"\x0b"), stream=1), "not a HealthCheckResponse", 1),
    "huge frame": (_START + b"\xff\xff\xff\x00\x00\0\0\0\1", "not HTTP/2", 1),
    "padding beyond the frame": (_START + _frame(0, b"\x20abc", flags=8, stream=1), "not HTTP/2", 1),
    "padded and empty": (_START + _frame(0, flags=8, stream=1), "not HTTP/2", 1),
    "short ping": (_START + _frame(6, b"1"), "not HTTP/2", 1),
    "HTTP/1": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not HTTP/2", 1),
    "nothing": (b"", "closed the connection", 1),
}


@pytest.mark.parametrize("case", _GRPC)
def test_grpc(case: str) -> None:
    answer, reason, code = _GRPC[case]
    with answering(answer) as port:
        verdict = ask(f"grpc://localhost:{port}/example.v1.Shop")
    assert (verdict.exit_code, reason in verdict.said) == (code, True), verdict


def _frames_of(data: bytes) -> list[tuple[int, int, bytes]]:
    found = []
    while data:
        size = int.from_bytes(data[:3])
        found.append((data[3], data[4], data[9 : 9 + size]))
        data = data[9 + size :]
    return found


def test_what_grpc_servers_are_sent() -> None:
    asked: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        connection.sendall(_SETTINGS + _frame(6, b"12345678"))
        data = b""
        while b"12345678" not in data:
            data += connection.recv(65536)
        asked.append(data)
        connection.sendall(_HEADERS + _SERVING)

    service = "s" * 200
    with answering(answer) as port:
        assert ask(f"grpc://localhost:{port}/{service}").exit_code == 0
    preface, data = asked[0][:24], asked[0][24:]
    assert preface == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    kinds = [(kind, flags) for kind, flags, _ in _frames_of(data)]
    assert kinds == [(4, 0), (1, 4), (0, 1), (4, 1), (6, 1)]
    headers, message = (payload for kind, _, payload in _frames_of(data) if kind in {0, 1})
    assert b"/grpc.health.v1.Health/Check" in headers
    assert f"localhost:{port}".encode() in headers
    # HealthCheckRequest{service: ...} behind its length.
    assert message == _message(b"\x0a\xc8\x01" + service.encode())


def _mutations(source: random.Random, good: list[bytes]) -> bytes:
    data = bytearray(source.choice(good))
    for _ in range(source.randint(1, 6)):
        at = source.randrange(len(data) + 1)
        match source.randrange(4):
            case 0 if at < len(data):
                data[at] = source.randrange(256)
            case 1:
                data[at:at] = source.randbytes(source.randint(1, 40))
            case 2:
                del data[at : at + source.randint(1, 20)]
            case _:
                data[at:at] = data[: source.randint(0, 64)]
    return bytes(data)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_no_answer_makes_it_crash_or_hang(scheme: str) -> None:
    """It ends with 0 or 1, never by a signal, and says one line of its own words."""
    source = random.Random(scheme)
    good = [answer for answer, _, _ in _GRPC.values() if answer] if scheme == "grpc" else [one for one in _HTTP if one]
    answers = iter([_mutations(source, good) for _ in range(250)])

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(next(answers))

    with answering(answer) as port:
        for _ in range(250):
            verdict = ask("-t", "10", f"{scheme}://127.0.0.1:{port}")
            assert verdict.said.count("\n") == 1
            assert verdict.said.isprintable() or verdict.said[:-1].isprintable()


# Where it is from


def test_a_checkout_without_zig_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ToolchainNotFound, match="there is no zig") as caught:
        probe_binary(host_platform(), tmp_path, find=lambda: None)
    assert "pip install ziglang" in str(caught.value.hint)


def test_a_zig_that_fails_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "zig"
    broken.write_text('#!/bin/sh\n[ "$1" = version ] && exec echo 1.0\necho "out of luck" >&2\nexit 3\n')
    broken.chmod(0o755)
    with pytest.raises(CompileError, match="out of luck"):
        probe_binary(host_platform(), tmp_path / "cache", find=lambda: str(broken))
    with pytest.raises(ToolchainNotFound, match="cannot be used"):
        probe_binary(host_platform(), tmp_path / "cache", find=lambda: str(tmp_path / "missing"))
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("platform", ["linux/mips64le", "windows/amd64"])
def test_other_platforms_are_refused(tmp_path: Path, platform: str) -> None:
    with pytest.raises(UsageError, match="there is no probe for"):
        probe_binary(Platform.parse(platform), tmp_path)


# Every machine

_DYNAMIC = 2
_INTERPRETER = 3


@pytest.mark.parametrize("architecture", TARGETS)
def test_it_is_small_and_stands_alone(architecture: str) -> None:
    path = compiled(architecture)
    assert path.stat().st_size <= 30 << 10
    program = parse_elf(path.read_bytes())
    assert program.interpreter is None
    assert not [one for one in program.segments if one.type in {_DYNAMIC, _INTERPRETER}]


@pytest.mark.e2e
@pytest.mark.parametrize("architecture", TARGETS)
def test_every_machine(architecture: str) -> None:
    def check(address: Callable[[int], str], answer: bytes, code: int, *, host: str = "127.0.0.1") -> None:
        with answering(answer, host=host) as port:
            verdict = ask(address(port), architecture=architecture)
        assert verdict.exit_code == code, verdict

    check(lambda port: f"http://localhost:{port}/healthz", b"HTTP/1.1 200 OK\r\n\r\n", 0)
    check(lambda port: f"http://localhost:{port}/healthz", b"HTTP/1.1 500 OK\r\n\r\n", 1)
    check(lambda port: f"http://[::1]:{port}/healthz", b"HTTP/1.1 302 OK\r\n\r\n", 0, host="::1")
    check(lambda port: f"grpc://127.0.0.1:{port}", _GRPC["in pieces"][0], 0)
    check(lambda port: f"grpc://127.0.0.1:{port}/a", _GRPC["not serving"][0], 1)
    assert "refused" in ask(f"tcp://localhost:{free_port()}", architecture=architecture).said
