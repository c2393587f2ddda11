"""Requests after the first good answer: all on one connection, and what is no good answer is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from smidgen.sandbox.cell.probe import ask_again


class _Server(ThreadingHTTPServer):
    """Answers well until *limit* requests have come; counts them, and connections."""

    requests = 0
    connections = 0
    limit = 1000


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        self.server.requests += 1
        self.send_response(200 if self.server.requests <= self.server.limit else 503)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name of the one overridden)
        """Say nothing."""


@contextmanager
def serving(limit: int) -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.limit = limit
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def asked(server: _Server, count: int) -> dict[str, object]:
    event: dict[str, object] = {"status": 200, "reason": ""}
    ask_again(event, server.server_address[1], "/", count)
    return event


def test_all_requests_go_through_one_connection() -> None:
    with serving(limit=1000) as server:
        assert asked(server, 50) == {"status": 200, "reason": ""}
        assert (server.requests, server.connections) == (50, 1)


def test_an_answer_that_is_not_good_is_told() -> None:
    with serving(limit=3) as server:
        assert asked(server, 50)["status"] == 503
        assert server.requests == 4


def test_a_connection_that_breaks_is_told() -> None:
    with serving(limit=0) as server:
        address = server.server_address[1]
    event: dict[str, object] = {"status": 200, "reason": ""}
    ask_again(event, address, "/", 1)
    assert event["reason"]
