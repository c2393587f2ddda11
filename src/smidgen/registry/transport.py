"""HTTP/1.1 over connections that are kept.

Connections are those of ``smidgen.registry.connections``. Answers are the standard library's, read straight into the
caller's memory, as urllib3's own would copy every byte once more.
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
from http.client import HTTPConnection
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from smidgen.errors import RegistryError, RegistryUnreachable, SizeMismatch, StoreError, UntrustedRegistry
from smidgen.registry.answers import harmless
from smidgen.registry.body import Body, WatchedBody
from smidgen.registry.call import Call
from smidgen.registry.connections import connected, direct, is_alive, proxied
from smidgen.registry.host_rules import TRUSTED, Trust
from smidgen.registry.proxies import Proxy, find_proxy
from smidgen.registry.redact import Secrets
from smidgen.registry.response import Headers, Response
from smidgen.registry.tls import Contexts
from smidgen.registry.url import Origin

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK: Final = 1 << 20
_KEPT: Final = 8
# Bytes that the kernel sends at once; then somebody is told.
_STEP: Final = 2 << 20
#: An answer that nobody reads is read to its end if it is no longer: cheaper than another connection.
_DRAINED: Final = 16 << 10
#: How urllib3 and the standard library begin what they say of a proxy that refused.
_TUNNEL: Final = "Tunnel connection failed"


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


# Bytes of status line and headers: more than any server of good will has.
_HEAD: Final = 256 << 10


class _Paced(io.RawIOBase):
    """The bytes of a connection, which end where they break off or come too slowly; ``fault`` then says why.

    An exception instead would lose what came before it: a buffered reader fills its buffer by many reads.

    Attributes:
        fault: Why they ended, or None.
        has_ended: Whether they did.
        most: How many there may be from here on, or None for as many as come.
    """

    def __init__(self, raw: io.RawIOBase, limits: Limits) -> None:
        self._raw = raw
        self._limits = limits
        self._waited = 0.0
        self._count = -1
        self.fault: OSError | None = None
        self.has_ended = False
        self.most: int | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        if self.fault is not None or self.most == 0:
            self.has_ended = True
            return 0
        before = time.monotonic()
        try:
            count = self._raw.readinto(buffer)
            self.most = None if self.most is None else max(0, self.most - (count or 0))
        except OSError as error:
            self.fault = error
            count = 0
        self.has_ended = count == 0
        if self._count < 0:
            # The wait for the first byte is the registry's work, which has a limit of its own.
            self._count = 0
            return count
        self._waited += time.monotonic() - before
        self._count += count or 0
        if self._waited >= self._limits.window:
            if self._count < self._waited * self._limits.floor:
                self.fault = TimeoutError(f"only {self._count} bytes in {self._waited:.0f} seconds")
                self.has_ended = True
                return 0
            self._waited, self._count = 0.0, 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    limits = Limits()

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        raw = self.fp.detach()
        assert isinstance(raw, io.RawIOBase)  # noqa: S101 - so does makefile() make it
        self.paced = _Paced(raw, self.limits)
        self.fp = io.BufferedReader(self.paced, 64 << 10)

    def begin(self) -> None:
        """Read the head. The standard library takes an end in the middle of it for the end of it.

        Source: RFC 9110, section 15.2: provisional answers come before the final one. Of these the library knows 100.
        """
        self.paced.most = _HEAD
        try:
            super().begin()
            while 100 <= self.status < 200 and self.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
                vars(self)["headers"] = None
                super().begin()
        except (ValueError, http.client.HTTPException):
            if not self.paced.has_ended:
                raise
        if self.paced.most == 0:
            raise http.client.HTTPException(f"its head is over {_HEAD} bytes")
        self.paced.most = None
        if self.paced.has_ended:
            raise self.paced.fault or http.client.RemoteDisconnected("the head broke off")


class _Content:
    """The body of an answer, on a connection that goes back to its pool once all has been read."""

    def __init__(self, answer: _Answer, connection: HTTPConnection, done: Callable[[bool], None], call: Call) -> None:
        self._answer = answer
        self._connection = connection
        self._done: Callable[[bool], None] | None = done
        self._call = call
        if answer.isclosed():
            self._finish(keep=True)

    def readinto(self, view: memoryview) -> int:
        if self._done is None or not view:
            return 0
        try:
            count = self._answer.readinto(view)
        except (OSError, ValueError, http.client.HTTPException) as error:
            self._finish(keep=False)
            cause = self._answer.paced.fault or error
            raise _wrapped(self._call, cause) from cause
        left: int | None = self._answer.length
        if count == 0:
            fault = self._answer.paced.fault
            self._finish(keep=not left and fault is None)
            if fault is not None:
                raise _wrapped(self._call, fault) from fault
            if left:
                raise self._call.error(RegistryUnreachable, f"the answer broke off, {left} bytes before its end")
        elif self._answer.isclosed() or left == 0:
            self._finish(keep=True)
        return count

    def close(self) -> None:
        if self._done is not None and self._answer.length is not None and self._answer.length <= _DRAINED:
            with suppress(OSError, http.client.HTTPException):
                if self._connection.sock is not None:
                    self._connection.sock.settimeout(1.0)
                self._answer.read()
                self._finish(keep=self._answer.paced.fault is None)
        self._finish(keep=False)

    def _finish(self, *, keep: bool) -> None:
        if (done := self._done) is not None:
            self._done = None
            keep = keep and not self._answer.will_close
            self._answer.close()
            done(keep)


@dataclass(frozen=True, slots=True)
class _Peer:
    """Whom a connection leads to."""

    origin: Origin
    trust: Trust
    proxy: Proxy | None

    @property
    def is_forwarded(self) -> bool:
        """Whether requests are handed to a proxy, rather than sent through a tunnel that it made."""
        return self.proxy is not None and self.origin.scheme == "http"


class Transport:
    """Sends requests and gives their answers. Up to 8 idle connections a server are kept. May be used by threads."""

    def __init__(self, *, environ: Mapping[str, str], limits: Limits, secrets: Secrets) -> None:
        self._environ = environ
        self._secrets = secrets
        self._limits = limits
        self._contexts = Contexts(environ)
        self._answers = type("_LimitedAnswer", (_Answer,), {"limits": limits})
        self._idle: dict[_Peer, list[HTTPConnection]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def send(self, call: Call) -> Response:
        """Send *call*, once, and give its answer, whatever it says.

        Raises:
            RegistryUnreachable: No connection, or it broke, or the peer is too slow.
            UntrustedRegistry: TLS could not be agreed on.
            InvalidAnswer: What came is not HTTP.
            UsageError: A file of certificates or a proxy's address is not usable.
        """
        origin = call.url.origin
        trust = call.trust if origin.scheme == "https" else TRUSTED
        peer = _Peer(origin, trust, find_proxy(origin, self._environ))
        self._secrets.learn(call.headers)
        connection = self._take(peer)
        try:
            answer = self._exchange(connection, peer, call)
        except (OSError, ValueError, http.client.HTTPException) as error:
            connection.close()
            raise _wrapped(call, error, peer.proxy) from error
        except BaseException:
            connection.close()
            raise

        def done(keep: bool) -> None:  # noqa: FBT001
            self._give_back(peer, connection, keep=keep)

        headers = Headers([(name, self._secrets.hide_in_header(value)) for name, value in answer.getheaders()])
        return Response(
            answer.status,
            headers,
            call.url,
            _Content(answer, connection, done, call),
            bodiless=call.method == "HEAD",
            secrets=self._secrets,
        )

    def close(self) -> None:
        """Close the idle connections; those in use are closed when their answers are."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _take(self, peer: _Peer) -> HTTPConnection:
        with self._lock:
            idle = self._idle.get(peer, [])
            while idle:
                connection = idle.pop()
                if is_alive(connection):
                    return connection
                connection.close()
        connection = self._connect(peer)
        connection.response_class = self._answers
        return connection

    def _connect(self, peer: _Peer) -> HTTPConnection:
        limit = self._limits.connect
        context = self._contexts.context(peer.trust) if peer.origin.scheme == "https" else None
        if peer.proxy is None:
            return direct(peer.origin, limit, context)
        own = self._contexts.context(TRUSTED) if peer.proxy.origin.scheme == "https" else None
        return proxied(peer.origin, peer.proxy, limit, context, own)

    def _give_back(self, peer: _Peer, connection: HTTPConnection, *, keep: bool) -> None:
        if keep:
            with self._lock:
                idle = self._idle.setdefault(peer, [])
                if not self._closed and len(idle) < _KEPT:
                    idle.append(connection)
                    return
        connection.close()

    def _exchange(self, connection: HTTPConnection, peer: _Peer, call: Call) -> _Answer:
        sock = connected(connection)
        sock.settimeout(self._limits.transfer)
        target = str(call.url) if peer.is_forwarded else call.url.target
        connection.putrequest(call.method, target, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", call.url.origin.authority)
        for name, value in call.headers.items():
            connection.putheader(name, value)
        if peer.is_forwarded and peer.proxy is not None and peer.proxy.authorization:
            connection.putheader("Proxy-Authorization", peer.proxy.authorization)
        if call.body is not None or call.method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(call.body.size if call.body else 0))
        connection.endheaders()
        if call.body is not None:
            # A registry that refuses what it is being sent answers at once and closes: the answer says more.
            with suppress(BrokenPipeError, ConnectionResetError):
                _send_body(sock, call.body)
        sock.settimeout(self._limits.answer)
        answer = http.client.HTTPConnection.getresponse(connection)
        assert isinstance(answer, _Answer)  # noqa: S101 - it is the class that was set
        # One that is to be closed after this answer has its socket left to the answer alone, still open.
        sock.settimeout(self._limits.transfer)
        return answer


def _send_body(sock: socket.socket, body: Body) -> None:
    tell = body.at if isinstance(body, WatchedBody) else _nobody
    sent = 0
    with body.open() as stream:
        if isinstance(stream, io.FileIO | io.BufferedReader) and type(sock) is socket.socket:
            start = stream.tell()
            while sent < body.size and (count := sock.sendfile(stream, start + sent, min(_STEP, body.size - sent))):
                sent += count
                tell(sent)
        else:
            # One buffer for all: `read` would fill one, copy it, and give both back to the system, 1 MiB at a time.
            buffer = memoryview(bytearray(min(CHUNK, body.size)))
            while sent < body.size and (count := _filled(stream, buffer[: body.size - sent])):
                sock.sendall(buffer[:count])
                sent += count
                tell(sent)
    if sent != body.size:
        raise SizeMismatch(want=body.size, got=sent, what="what is being sent")


def _nobody(_count: int) -> None:
    """Tell nobody."""


def _filled(stream: BinaryIO, view: memoryview) -> int:
    try:
        # Whatever a body opens can do this, though the type does not say so.
        return cast("io.RawIOBase", stream).readinto(view) or 0
    except OSError as error:
        raise StoreError(f"what is being sent cannot be read: {error.strerror}") from error


def _wrapped(call: Call, error: Exception, proxy: Proxy | None = None) -> RegistryError:
    """Say in words what a connection met."""
    way = "" if proxy is None else f", by way of the proxy {proxy.origin}"
    hint = None if proxy is None else "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
    if isinstance(error, ssl.SSLError):
        return _untrusted(call, error)
    if isinstance(error, socket.gaierror):
        host = (call.url.origin if proxy is None else proxy.origin).host
        fault = call.error(
            RegistryUnreachable, f"there is no host {host}{way}", hint=hint or "check the name, and that DNS works"
        )
        # EAI_AGAIN: the name server could not be asked, which passes.
        fault.is_final = error.errno != socket.EAI_AGAIN
        return fault
    if isinstance(error, OSError | http.client.RemoteDisconnected | http.client.IncompleteRead):
        return call.error(RegistryUnreachable, _reason(error) + way, hint=hint)
    if isinstance(error, http.client.BadStatusLine):
        # Its text is the peer's, and may repeat what it was sent.
        vars(error).clear()
        error.args = ()
        return call.nonsense("the answer does not begin as one of HTTP does")
    return call.nonsense(f"the answer is not HTTP: {harmless(str(error) or type(error).__name__, 80)}")


def _reason(cause: Exception) -> str:
    if isinstance(cause, TimeoutError):
        return f"no answer in time{f' ({cause})' if str(cause).startswith('only ') else ''}"
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused: nothing listens there"
    if _TUNNEL in str(cause):
        return f"the proxy says: {harmless(str(cause).partition(_TUNNEL)[2].strip(': '), 80)}"
    if isinstance(cause, http.client.RemoteDisconnected):
        return "the connection was closed without an answer"
    strerror = getattr(cause, "strerror", None)
    return str(strerror or "the connection broke").lower()


def _untrusted(call: Call, error: ssl.SSLError) -> UntrustedRegistry | RegistryUnreachable:
    host = call.url.origin.authority
    if isinstance(error, ssl.SSLCertVerificationError):
        return call.error(
            UntrustedRegistry,
            f"the certificate of {host} is not trusted: {error.verify_message}",
            hint=f"put the CA's certificate at /etc/containers/certs.d/{host}/ca.crt, name it in SSL_CERT_FILE, or as "
            f"`ca` of {host} under `registries` in smidgen.yaml",
        )
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_MESSAGE"):
        return call.error(
            UntrustedRegistry,
            f"{host} does not speak TLS there",
            hint=f"if it has plain http only, write `insecure: true` for {host} under `registries` in smidgen.yaml",
        )
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return call.error(RegistryUnreachable, "the connection broke")
    return call.error(UntrustedRegistry, f"TLS with {host} failed: {str(error.reason or error).lower()[:120]}")
