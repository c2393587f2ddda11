"""HTTP over real sockets for the registries of the tests, down to the single byte.

A service is a function from a request to an answer. An answer says which bytes are to arrive, and how: whole, cut
at any byte, dripping, after a stall. ``serving`` runs a service in threads, on a port of the loopback address.
"""

import http.client
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from email.message import Message
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from typing import Self

_PIECE = 1 << 16
_IDLE = 60.0


class Drop(Exception):
    """Ends a connection without an answer, by a reset (RST) or quietly (FIN)."""

    def __init__(self, *, reset: bool = True) -> None:
        super().__init__("dropped")
        self.reset = reset


@dataclass(frozen=True)
class Wire:
    """What happens to an answer on its way.

    Attributes:
        cut: The connection ends before this byte, counted from the first one of the status line; None for never.
        cut_body: The same, counted from the first byte of the body.
        reset: Whether a cut is a reset, or a quiet end.
        stall: Nothing is sent for so many seconds from the first byte of the body on, at most until the server ends.
        stall_at: Where in the body that happens; below 0 is before the status line.
        drip: The body comes in pieces of so many bytes, 0 for no dripping.
        pause: Seconds between two drips.
    """

    cut: int | None = None
    cut_body: int | None = None
    reset: bool = True
    stall: float = 0
    stall_at: int = 0
    drip: int = 0
    pause: float = 0


@dataclass(frozen=True)
class Answer:
    """A status, headers in their order, and a body.

    Attributes:
        body: Bytes, or a function that makes them a piece at a time; then there is no length unless one is given.
        length: For Content-Length, instead of the true one.
        raw: Bytes that are sent instead of all that HTTP has; then the connection ends.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Callable[[], Iterable[bytes]] = b""
    length: int | None = None
    wire: Wire = Wire()
    raw: Callable[[], Iterable[bytes]] | None = None

    def header(self, name: str) -> str | None:
        """Give a header's value."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def with_header(self, name: str, *values: str) -> Self:
        """Set a header, or remove it."""
        kept = tuple(one for one in self.headers if one[0].lower() != name.lower())
        return replace(self, headers=kept + tuple((name, value) for value in values))

    def through(self, wire: Wire) -> Self:
        """Send it in another way."""
        return replace(self, wire=wire)

    @property
    def content(self) -> bytes:
        """The body, which must be bytes."""
        assert isinstance(self.body, bytes)
        return self.body


@dataclass
class Request:
    """What was asked. The body is read when it is wanted.

    Attributes:
        got: Bytes of the body that have come.
    """

    method: str
    target: str
    headers: Message
    origin: str
    stream: BufferedIOBase = field(repr=False)
    _body: bytes | None = field(default=None, repr=False)
    got: int = 0
    _read: bool = False

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query; the last one of several values of a name."""
        return dict(urllib.parse.parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def queries(self) -> list[tuple[str, str]]:
        """The query with all its values."""
        return urllib.parse.parse_qsl(self.target.partition("?")[2], keep_blank_values=True)

    @property
    def body(self) -> bytes:
        """The whole body."""
        if self._body is None:
            self._body = b"".join(self.pieces())
        return self._body

    def pieces(self) -> Iterator[bytes]:
        """Read the body a piece at a time; a second time there is nothing."""
        if self._read:
            return
        self._read = True
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            yield from self._chunks()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            piece = self.stream.read(min(left, _PIECE))
            if not piece:
                raise Drop
            left -= len(piece)
            self.got += len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.stream.readline().split(b";")[0] or b"0", 16):
            data = self.stream.read(size)
            if len(data) != size:
                raise Drop
            self.got += size
            yield data
            self.stream.readline()
        while self.stream.readline().strip():
            pass


Service = Callable[[Request], Answer]


@dataclass
class Logged:
    """One request that was answered, with what was sent.

    Attributes:
        sent: Bytes of the body that went out.
        request: What was asked.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    status: int = 0
    sent: int = 0
    request: Request | None = field(default=None, repr=False)

    @property
    def received(self) -> int:
        """Bytes of the request's body that have come so far."""
        return self.request.got if self.request else 0

    def header(self, name: str) -> str | None:
        """Give a header's value."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Server(socketserver.ThreadingTCPServer):
    """Runs a service; a thread a connection.

    Attributes:
        log: Every request, in the order of their arrival.
        failures: What went wrong in the service itself, which is a fault of the test.
    """

    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, service: Service, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), _Handler)
        self.service = service
        self.scheme = "https" if tls else "http"
        self.log: list[Logged] = []
        self.failures: list[BaseException] = []
        self.stopping = threading.Event()
        self._guard = threading.Lock()
        self._live: set[socket.socket] = set()
        if tls:
            # The handshake is the connection's own thread's, so that one client cannot hold up the others.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    @property
    def host(self) -> str:
        """``ADDRESS:PORT``, as references have it."""
        return f"{self.server_address[0]!s}:{self.port}"

    @property
    def url(self) -> str:
        """``SCHEME://ADDRESS:PORT``."""
        return f"{self.scheme}://{self.host}"

    def asked(self, method: str = "", part: str = "") -> list[Logged]:
        """Select from the log by method and part of the target."""
        return [one for one in tuple(self.log) if one.method.startswith(method) and part in one.target]

    def track(self, connection: socket.socket, *, live: bool) -> None:
        """Remember a connection, to end it when the server ends."""
        with self._guard:
            (self._live.add if live else self._live.discard)(connection)

    def is_idle(self) -> bool:
        """Tell whether no client is connected."""
        with self._guard:
            return not self._live

    def stop(self) -> None:
        """End the server and every connection."""
        self.stopping.set()
        self.shutdown()
        with self._guard:
            live = tuple(self._live)
        for connection in live:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def handle_error(self, *_connection: object) -> None:
        """Keep what is the service's own fault; clients may go away as they like."""
        error = sys.exception()
        if error and not isinstance(error, ConnectionError | TimeoutError | ssl.SSLError):
            self.failures.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.track(self.connection, live=True)

    def finish(self) -> None:
        self.server.track(self.connection, live=False)
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _serve(self) -> None:
        headers = tuple(self.headers.items())
        logged = Logged(self.command, self.path, headers)
        self.server.log.append(logged)
        request = Request(
            self.command,
            self.path,
            self.headers,
            f"{self.server.scheme}://{self.headers.get('Host') or self.server.host}",
            self.rfile,
        )
        logged.request = request
        try:
            answer = self.server.service(request)
            # What was not read of the body would be taken for the next request.
            for _ in request.pieces():
                pass
            logged.status = answer.status
            self._send(answer, logged)
        except Drop as drop:
            self._end(reset=drop.reset)

    def _send(self, answer: Answer, logged: Logged) -> None:
        if answer.raw is not None:
            for piece in answer.raw():
                self.connection.sendall(piece)
            raise Drop(reset=False)
        head = head_of(answer, self.command)
        wire = answer.wire
        if wire.cut is not None and wire.cut <= len(head):
            self.connection.sendall(head[: wire.cut])
            raise Drop(reset=wire.reset)
        if wire.stall_at < 0:
            self.server.stopping.wait(wire.stall)
        self.connection.sendall(head)
        if self.command != "HEAD":
            self._send_body(answer, logged, wire.cut - len(head) if wire.cut is not None else wire.cut_body)

    def _send_body(self, answer: Answer, logged: Logged, end: int | None) -> None:
        wire = answer.wire
        chunked = answer.header("Transfer-Encoding") == "chunked"
        for piece in _pieces(answer):
            data = piece if end is None else piece[: end - logged.sent]
            if wire.stall and logged.sent == wire.stall_at:
                self.server.stopping.wait(wire.stall)
            self.connection.sendall(b"%x\r\n%s\r\n" % (len(data), data) if chunked and data else data)
            logged.sent += len(data)
            if end is not None and logged.sent >= end:
                raise Drop(reset=wire.reset)
            if wire.pause:
                self.server.stopping.wait(wire.pause)
        if chunked:
            self.connection.sendall(b"0\r\n\r\n")
        elif answer.length != logged.sent and not isinstance(answer.body, bytes):
            raise Drop(reset=False)
        elif answer.length is not None and answer.length > logged.sent:
            raise Drop(reset=wire.reset)

    def _end(self, *, reset: bool) -> None:
        self.close_connection = True
        with suppress(OSError):
            if reset:
                # With a linger time of 0, closing sends RST instead of FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            else:
                self.connection.shutdown(socket.SHUT_WR)


for _method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS"):
    setattr(_Handler, f"do_{_method}", _Handler._serve)


def head_of(answer: Answer, method: str) -> bytes:
    """Write status line and headers."""
    reason = http.client.responses.get(answer.status, "Odd")
    headers = list(answer.headers)
    if isinstance(answer.body, bytes) or answer.length is not None:
        length = answer.length if answer.length is not None else len(answer.content)
        if answer.header("Content-Length") is None and answer.status not in {204, 304}:
            headers.append(("Content-Length", str(length)))
    elif answer.header("Transfer-Encoding") is None and method != "HEAD":
        headers.append(("Connection", "close"))
    lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _pieces(answer: Answer) -> Iterator[bytes]:
    """Cut the body into what is sent at a time; a stall is at the beginning of a piece."""
    size = answer.wire.drip or _PIECE
    sent, stall = 0, answer.wire.stall_at
    for part in (answer.body,) if isinstance(answer.body, bytes) else answer.body():
        at = 0
        while at < len(part):
            step = min(size, stall - sent) if sent < stall else size
            yield part[at : at + step]
            sent += len(part[at : at + step])
            at += step


@contextmanager
def serving(service: Service, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> Iterator[Server]:
    """Serve as long as the block takes."""
    server = Server(service, tls=tls, address=address)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
    assert not server.failures, server.failures


def wait_until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait for something that another thread or process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
