"""Asking a server on this machine that may take a moment to start."""

import random
import socket
import time
import urllib.error
import urllib.request

#: Below those that the kernel gives whoever connects or asks for any, so that nobody takes one by chance meanwhile.
_PORTS = range(20_000, 32_000)
_reserved: list[socket.socket] = []


def free_port() -> int:
    """Find a port of the loopback address that nothing listens on, and that no other test process is given."""
    for port in random.SystemRandom().sample(_PORTS, 1000):
        # A name that the kernel forgets with the process.
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0smidgen-tests-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        _reserved.append(mark)
        return port
    raise OSError("no port is free")


def fetch(port: int, path: str = "/", *, seconds: float = 120) -> str:
    """Give the body of ``http://127.0.0.1:PORT/PATH``, asking again until it answers or *seconds* are over."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
