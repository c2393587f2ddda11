"""A Docker engine behind a Unix socket, for what ``docker load`` sends and ``docker save`` gives."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit


@dataclass
class DockerSocket:
    """What the engine has, and how it is to behave.

    Attributes:
        host: For ``DOCKER_HOST``.
        archives: Name → tar.
        loaded: Archives that were sent, in order.
        refusal: What to say instead of loading.
        version: Its release.
        stops_after: Hang up after so many bytes, in either direction.
    """

    host: str
    archives: dict[str, bytes] = field(default_factory=dict)
    loaded: list[bytes] = field(default_factory=list)
    refusal: str = ""
    version: str = "20.10.24"
    stops_after: int | None = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: ClassVar[DockerSocket]

    def address_string(self) -> str:
        return "socket"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_POST(self) -> None:
        data = b""
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            data += self.rfile.read(size)
            self.rfile.readline()
            if self.engine.stops_after is not None and len(data) >= self.engine.stops_after:
                self._answer(200, json.dumps({"errorDetail": {"message": "full"}, "error": "full"}).encode())
                self.close_connection = True
                return
        self.rfile.readline()
        if self.engine.refusal:
            self._answer(200, json.dumps({"error": self.engine.refusal}).encode() + b"\r\n")
            return
        self.engine.loaded.append(data)
        self._answer(200, json.dumps({"stream": "Loaded image: app:1.0\n"}).encode() + b"\r\n")

    def do_GET(self) -> None:
        if self.path == "/version":
            self._answer(200, json.dumps({"Version": self.engine.version}).encode())
            return
        (name,) = parse_qs(urlsplit(self.path).query)["names"]
        if name not in self.engine.archives:
            self._answer(404, json.dumps({"message": f"No such image: {name}"}).encode())
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        data = self.engine.archives[name][: self.engine.stops_after]
        self.wfile.write(b"%x\r\n" % len(data) + data + b"\r\n")
        if self.engine.stops_after is None:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def docker_socket(directory: Path) -> Iterator[DockerSocket]:
    """Serve at a socket in *directory*, whose path must be short."""
    path = directory / "d.sock"
    engine = DockerSocket(host=f"unix://{path}")
    handler = type("Handler", (_Handler,), {"engine": engine})
    with _Server(str(path), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield engine
        finally:
            server.shutdown()
            thread.join()
