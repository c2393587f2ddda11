"""HTTP/1.1 over connections that are kept: the one file that knows the HTTP library.

Connections are urllib3's: addresses, TLS, proxies and tunnels. Answers are the standard library's, read straight into
the caller's memory, as urllib3's own would copy every byte once more.
"""

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError

from smidgen.errors import InvalidAnswer, RegistryError, RegistryUnreachable, UntrustedRegistry
from smidgen.registry.body import Body
from smidgen.registry.response import Headers, Response
from smidgen.registry.url import Origin, Url

CHUNK: Final = 1 << 20
_KEPT: Final = 8
_SOCKET_OPTIONS: list[tuple[int, int, int | bytes]] = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to wait, in seconds, and how slow a peer may be.

    Attributes:
        connect: For each address of a host.
        answer: For the first byte of an answer after the request is sent; a registry may take long to store a blob.
        transfer: For the peer to send or to take the next bytes.
        floor: Bytes a second that an answer has to bring in each *window*.
        window: Seconds, counted while we wait for the peer only.
    """

    connect: float = 20.0
    answer: float = 300.0
    transfer: float = 60.0
    floor: int = 1024
    window: float = 60.0


class _Paced(io.RawIOBase):
    """The bytes of a connection, which break off where they come too slowly."""

    def __init__(self, raw: io.RawIOBase, limits: Limits) -> None:
        self._raw = raw
        self._limits = limits
        self._waited = 0.0
        self._count = -1

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - whatever a buffer is to io
        before = time.monotonic()
        count = self._raw.readinto(buffer)
        if self._count < 0:
            # The wait for the first byte is the registry's work, which has a limit of its own.
            self._count = 0
            return count
        self._waited += time.monotonic() - before
        self._count += count or 0
        if self._waited >= self._limits.window:
            if self._count < self._waited * self._limits.floor:
                raise TimeoutError(f"only {self._count} bytes in {self._waited:.0f} seconds")
            self._waited, self._count = 0.0, 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _paced_answers(limits: Limits) -> type[http.client.HTTPResponse]:
    class _Answer(http.client.HTTPResponse):
        def __init__(
            self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
        ) -> None:
            super().__init__(sock, debuglevel, method, url)
            raw = self.fp.detach()
            assert isinstance(raw, io.RawIOBase)  # noqa: S101
            self.fp = io.BufferedReader(_Paced(raw, limits), 64 << 10)

    return _Answer


class _Content:
    """The body of an answer, on a connection that goes back to its pool once all has been read."""

    def __init__(self, answer: http.client.HTTPResponse, done: Callable[[bool], None], request: "_Request") -> None:
        self._answer = answer
        self._done: Callable[[bool], None] | None = done
        self._request = request
        if answer.isclosed():
            self._finish(keep=True)

    def readinto(self, view: memoryview) -> int:
        if self._done is None or not view:
            return 0
        try:
            count = self._answer.readinto(view)
        except (OSError, http.client.HTTPException) as error:
            self._finish(keep=False)
            raise self._request.fault(error) from error
        left = self._answer.length
        if count == 0 and left:
            self._finish(keep=False)
            raise self._request.unreachable(f"the answer broke off, {left} bytes before its end")
        if self._answer.isclosed() or left == 0:
            self._finish(keep=True)
        return count

    def close(self) -> None:
        self._finish(keep=False)

    def _finish(self, *, keep: bool) -> None:
        if (done := self._done) is not None:
            self._done = None
            keep = keep and not self._answer.will_close
            self._answer.close()
            done(keep)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: Url

    def __str__(self) -> str:
        return f"{self.method} {self.url.shown}"

    def unreachable(self, reason: str, hint: str | None = None) -> RegistryUnreachable:
        return RegistryUnreachable(
            f"{self}: {reason}", registry=self.url.origin.authority, request=str(self), hint=hint
        )

    def fault(self, error: Exception) -> RegistryError:
        """Say in words what the connection met."""
        registry, request = self.url.origin.authority, str(self)
        if isinstance(error, ssl.SSLError):
            return UntrustedRegistry(f"{self}: {error.reason or error}", registry=registry, request=request)
        if isinstance(error, NameResolutionError):
            return self.unreachable(f"there is no host {self.url.origin.host}", "check the name, and that DNS works")
        if isinstance(error, (TimeoutError, ConnectTimeoutError)):
            return self.unreachable(f"no answer in time ({error})")
        if isinstance(error, http.client.RemoteDisconnected | http.client.IncompleteRead | OSError | HTTPError):
            cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
            return self.unreachable(getattr(cause, "strerror", None) or str(cause) or type(cause).__name__)
        return InvalidAnswer(f"{self}: the answer is not HTTP ({error!r:.100})", registry=registry, request=request)


class Transport:
    """Sends requests and gives their answers. Up to 8 idle connections a server are kept. May be used by threads."""

    def __init__(self, *, limits: Limits, tls: Callable[[Origin], ssl.SSLContext]) -> None:
        self._limits = limits
        self._tls = tls
        self._answers = _paced_answers(limits)
        self._idle: dict[Origin, list[HTTPConnection]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def send(self, method: str, url: Url, headers: Mapping[str, str], body: Body | None = None) -> Response:
        """Send one request, once, and give its answer, whatever it says.

        Raises:
            RegistryUnreachable: No connection, or it broke, or the peer is too slow.
            UntrustedRegistry: TLS could not be agreed on.
            InvalidAnswer: What came is not HTTP.
        """
        request = _Request(method, url)
        connection = self._take(url.origin)
        try:
            answer = self._exchange(connection, method, url, headers, body)
        except (OSError, HTTPError, http.client.HTTPException) as error:
            connection.close()
            raise request.fault(error) from error
        except BaseException:
            connection.close()
            raise

        def done(keep: bool) -> None:  # noqa: FBT001
            self._give_back(url.origin, connection, keep=keep)

        content = _Content(answer, done, request)
        return Response(answer.status, Headers(answer.getheaders()), url, content, bodiless=method == "HEAD")

    def close(self) -> None:
        """Close the idle connections; those in use are closed when their answers are."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _take(self, origin: Origin) -> HTTPConnection:
        with self._lock:
            idle = self._idle.get(origin, [])
            while idle:
                connection = idle.pop()
                if connection.is_connected:
                    return connection
                connection.close()
        if origin.scheme == "http":
            return HTTPConnection(
                origin.host, origin.port, timeout=self._limits.connect, socket_options=_SOCKET_OPTIONS
            )
        return HTTPSConnection(
            origin.host,
            origin.port,
            timeout=self._limits.connect,
            socket_options=_SOCKET_OPTIONS,
            ssl_context=self._tls(origin),
        )

    def _give_back(self, origin: Origin, connection: HTTPConnection, *, keep: bool) -> None:
        if keep:
            with self._lock:
                idle = self._idle.setdefault(origin, [])
                if not self._closed and len(idle) < _KEPT:
                    idle.append(connection)
                    return
        connection.close()

    def _exchange(
        self, connection: HTTPConnection, method: str, url: Url, headers: Mapping[str, str], body: Body | None
    ) -> http.client.HTTPResponse:
        connection.putrequest(method, url.target, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", url.origin.authority)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None or method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(body.size if body else 0))
        if connection.sock is None:
            connection.connect()
        sock = connection.sock
        assert sock is not None  # noqa: S101 - connect() made it
        sock.settimeout(self._limits.transfer)
        connection.endheaders()
        if body is not None:
            self._send_body(connection, body)
        sock.settimeout(self._limits.answer)
        connection.response_class = self._answers
        answer = http.client.HTTPConnection.getresponse(connection)
        # One that is to be closed after this answer has its socket left to the answer alone, still open.
        sock.settimeout(self._limits.transfer)
        return answer

    def _send_body(self, connection: HTTPConnection, body: Body) -> None:
        # A registry that refuses what it is being sent answers at once and closes: the answer says more.
        with body.open() as stream, suppress(BrokenPipeError, ConnectionResetError):
            _copy(stream, connection, body.size)


def _copy(stream: BinaryIO, connection: HTTPConnection, size: int) -> None:
    if isinstance(stream, io.FileIO | io.BufferedReader) and not isinstance(connection.sock, ssl.SSLSocket):
        sent = connection.sock.sendfile(stream, 0, size) if size else 0
    else:
        sent = 0
        while sent < size and (piece := stream.read(min(CHUNK, size - sent))):
            connection.sock.sendall(piece)
            sent += len(piece)
    if sent != size:
        raise OSError(f"a body of {size} bytes ended after {sent}")
