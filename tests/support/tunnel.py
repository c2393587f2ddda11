"""A proxy that makes tunnels, and leads all of them to one server."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Tunnel(socketserver.ThreadingTCPServer):
    """Answers CONNECT.

    Attributes:
        heads: What was asked, with all headers.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, target: int, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.tls = tls
        self.heads: list[str] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def handle_error(self, *_connection: object) -> None:
        """Say nothing: clients go away as they like."""


class _Handler(socketserver.BaseRequestHandler):
    server: Tunnel

    def handle(self) -> None:
        here: socket.socket = self.request
        if self.server.tls:
            here = self.server.tls.wrap_socket(here, server_side=True)
        head = b""
        while b"\r\n\r\n" not in head:
            head += here.recv(4096)
        self.server.heads.append(head.decode())
        with socket.create_connection(("127.0.0.1", self.server.target)) as there:
            here.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_pass, args=(there, here))
            back.start()
            _pass(here, there)
            back.join()
        here.close()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def tunnelling(target: int, tls: ssl.SSLContext | None = None) -> Iterator[Tunnel]:
    """Run a proxy as long as the block takes."""
    with Tunnel(target, tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
