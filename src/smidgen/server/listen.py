"""Listening, and a thread for each connection.

Everything is bounded: connections by ``_MAX_CONNECTIONS``, their patience by ``smidgen.server.wire``, and the time
that an end may take by whoever ends it.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from smidgen.errors import UsageError
from smidgen.server.answer import render
from smidgen.server.application import Application
from smidgen.server.connection import Connection, refused
from smidgen.server.options import ServeOptions
from smidgen.server.refusal import ConnectionLost, busy
from smidgen.server.wire import PATIENCE, Wire
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    import ssl

_MAX_CONNECTIONS: Final = 256
_BACKLOG: Final = 256
#: Seconds between two looks at what nobody continues.
_TICK: Final = 1.0
_GRACE: Final = 10.0


class Server:
    """A registry that listens.

    Attributes:
        address: ``HOST:PORT`` as clients name it, which begins the names of images there.
        url: The same for programs that want a URL.
    """

    def __init__(
        self, store: ContentStore, options: ServeOptions, *, log: Callable[[str], None] = lambda _line: None
    ) -> None:
        options.check()
        self._tls = _tls_context(options)
        self._application = Application(store, options)
        self._log = log
        self._lock = threading.Lock()
        self._clients: set[_Client] = set()
        self._ending = threading.Event()
        self._listener = _listen(options)
        host, port = self._listener.getsockname()[:2]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.url = f"{'https' if self._tls else 'http'}://{self.address}"
        self._threads = [
            threading.Thread(target=work, name=f"serve-{work.__name__.strip('_')}", daemon=True)
            for work in (self._accept, self._tick)
        ]

    def start(self) -> None:
        """Begin to answer, in threads of its own."""
        for thread in self._threads:
            thread.start()

    def stop(self, grace: float = _GRACE, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """Take no more requests, and let those under way come to an end; then cut them off.

        Args:
            grace: Seconds for that.
            hurry: Asked again and again whether it is long enough.
        """
        self._ending.set()
        # Closing alone would leave accept() waiting.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        deadline = time.monotonic() + grace
        while self._cut(only_idle=True) and time.monotonic() < deadline and not hurry():
            time.sleep(0.02)
        self._cut(only_idle=False)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_TICK * 2)
        end = time.monotonic() + _TICK
        while self._clients and time.monotonic() < end:
            time.sleep(0.01)
        self._application.close()

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                accepted, address = self._listener.accept()
            except OSError:
                # Out of descriptors for the moment, or closed, which the loop sees.
                self._ending.wait(0.05)
                continue
            client = _Client(accepted, f"{address[0]}:{address[1]}")
            with self._lock:
                is_full = len(self._clients) >= _MAX_CONNECTIONS
                if not is_full:
                    self._clients.add(client)
            if is_full:
                _turn_away(accepted)
            else:
                threading.Thread(target=self._serve, args=(client,), name="serve-client", daemon=True).start()

    def _serve(self, client: "_Client") -> None:
        try:
            client.prepare(self._tls)
            client.connection = Connection(
                Wire(client.socket), client.peer, self._application, self._log, is_ending=self._ending.is_set
            )
            client.connection.run()
        except (OSError, ConnectionLost):
            # Gone, or no TLS where TLS is due.
            self._log(f"{client.peer} no connection came to be")
        finally:
            client.socket.close()
            with self._lock:
                self._clients.discard(client)

    def _tick(self) -> None:
        while not self._ending.wait(_TICK):
            self._application.expire()

    def _cut(self, *, only_idle: bool) -> int:
        """Shut connections down; gives how many there are still."""
        with self._lock:
            for client in self._clients:
                if client.is_idle or not only_idle:
                    with contextlib.suppress(OSError):
                        client.socket.shutdown(socket.SHUT_RDWR)
            return len(self._clients)


class _Client:
    """One who is connected."""

    def __init__(self, accepted: socket.socket, peer: str) -> None:
        self.socket = accepted
        self.peer = peer
        self.connection: Connection | None = None

    @property
    def is_idle(self) -> bool:
        return self.connection is None or self.connection.idle

    def prepare(self, tls: "ssl.SSLContext | None") -> None:
        """Set the socket up; with *tls*, greet as TLS does."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket.settimeout(PATIENCE)
            self.socket = tls.wrap_socket(self.socket, server_side=True)


def _turn_away(accepted: socket.socket) -> None:
    """Answer without reading, and at once: the thread that accepts has no time for one client."""
    refusal = busy(f"{_MAX_CONNECTIONS} connections are open")
    answer = refused(refusal)
    with accepted, contextlib.suppress(OSError):
        accepted.setblocking(False)
        accepted.send(render(answer, keep=False) + answer.content)


def _listen(options: ServeOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        place = f"{options.host or '*'}:{options.port}"
        raise UsageError(
            f"cannot listen on {place}: {error.strerror or error}",
            hint="another program may have the port: choose one with --listen, or 127.0.0.1:0 for any that is free",
        ) from error
    return listener


def _tls_context(options: ServeOptions) -> "ssl.SSLContext | None":
    if options.certificate is None or options.key is None:
        return None
    import ssl  # for TLS only

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # A key under a passphrase would be asked for on the terminal: there is none to answer.
        context.load_cert_chain(options.certificate, options.key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"cannot use the certificate {options.certificate} with the key {options.key}: {error}",
            hint="both are PEM files; the key has no passphrase and belongs to the first certificate of the file",
        ) from error
    return context


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")


@contextlib.contextmanager
def serving(
    store: ContentStore, options: ServeOptions, *, log: Callable[[str], None] = lambda _line: None
) -> Iterator[Server]:
    """Serve *store* as long as the block takes.

    Raises:
        UsageError: The options cannot be meant, or nothing can listen there.
    """
    server = Server(store, options, log=log)
    server.start()
    try:
        yield server
    finally:
        server.stop()
