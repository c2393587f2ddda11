"""The probe: asks a server on the loopback over and over until it answers well, and says when that was.

Source: RFC 9112 (HTTP/1.1), as much as a health check needs.
"""

import socket
import time
from typing import Final

_FIRST_PAUSE: Final = 0.0005
_LONGEST_PAUSE: Final = 0.02
_MAX_HEAD: Final = 65536
# Seconds for one of several requests.
_PATIENCE: Final = 10.0


def probe(port: int, path: str, deadline: int) -> dict[str, object]:
    """Request *path* until the status is 2xx or the time is over.

    Args:
        port: Of 127.0.0.1, or of ::1.
        path: With its query, starting with ``/``.
        deadline: In nanoseconds of the monotonic clock.

    Returns:
        An event: ``status`` of the last answer or None, ``first`` (time of the first answer) and ``at``
        (time of the last), both in nanoseconds of the monotonic clock, and ``reason`` where there was none.
    """
    pause = _FIRST_PAUSE
    event: dict[str, object] = {"event": "answer", "status": None, "first": None, "at": None, "reason": ""}
    while True:
        left = (deadline - time.monotonic_ns()) / 1e9
        if left <= 0:
            return event
        try:
            status = _request(port, path, left)
        except (OSError, ValueError) as error:
            event["reason"] = str(error)
        else:
            now = time.monotonic_ns()
            event.update(status=status, at=now, first=event["first"] or now, reason="")
            if 200 <= status < 300:
                return event
        time.sleep(pause)
        pause = min(pause * 1.1, _LONGEST_PAUSE)


def ask_again(event: dict[str, object], port: int, path: str, count: int) -> None:
    """Request *path* another *count* times on one connection; *event* is told of an answer that is not 2xx."""
    from http.client import HTTPConnection, HTTPException  # few runs are measured like that

    try:
        with _connect(port, _PATIENCE) as connection:
            client = HTTPConnection("localhost", port, timeout=_PATIENCE)
            client.sock = connection
            for _ in range(count):
                client.request("GET", path)
                answer = client.getresponse()
                answer.read()
                if not 200 <= answer.status < 300:
                    event["status"] = answer.status
                    return
    except (OSError, HTTPException) as error:
        event["reason"] = str(error) or type(error).__name__


def _request(port: int, path: str, timeout: float) -> int:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: smidgen-prove\r\nConnection: close\r\n\r\n"
    with _connect(port, timeout) as connection:
        connection.sendall(request.encode())
        head = b""
        while b"\r\n" not in head and len(head) < _MAX_HEAD:
            data = connection.recv(4096)
            if not data:
                break
            head += data
    words = head.split(b"\r\n", 1)[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise ValueError(f"port {port} answered {head[:40]!r}, which is not HTTP")
    return int(words[1])


def _connect(port: int, timeout: float) -> socket.socket:
    try:
        return socket.create_connection(("127.0.0.1", port), timeout)
    except ConnectionRefusedError:
        return socket.create_connection(("::1", port), timeout)
