"""Asking a server on this machine that may take a moment to start."""

import socket
import time
import urllib.error
import urllib.request


def free_port() -> int:
    """Find a port of the loopback address that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(port: int, path: str = "/", *, seconds: float = 30) -> str:
    """Give the body of ``http://127.0.0.1:PORT/PATH``, asking again until it answers or *seconds* are over."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
