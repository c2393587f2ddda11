"""What can happen to a request on its way to a registry and back."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate

from support.faulty_registry import Action
from support.registry import digest_of, error
from support.registry_wire import Answer, Drop, Request, Service, Wire, head_of

HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>It broke</h1></body></html>"
#: Clears the screen, sets the title of the window, rings, writes right to left, and forges a line of a log.
NASTY = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eevil\r\nsmidgen: all is well\x00"
_ZEROS = bytes(1 << 16)


# Statuses


def status(code: int, *, retry_after: str | None = None, reason: str = "UNAVAILABLE", message: str = "busy") -> Action:
    """Answer with a status, and the specification's form of errors."""
    extra = (("Retry-After", retry_after),) if retry_after is not None else ()
    return lambda _request, _service: error(code, reason, message, *extra)


def after_date(code: int, seconds: float) -> Action:
    """Answer with a status and a date for Retry-After."""
    return lambda _request, _service: error(
        code, "UNAVAILABLE", "busy", ("Retry-After", formatdate(time.time() + seconds, usegmt=True))
    )


def page(code: int, body: bytes = HTML, content_type: str = "text/html") -> Action:
    """Answer as a proxy does that knows nothing of registries."""
    return lambda _request, _service: Answer(code, (("Content-Type", content_type),), body)


def nasty(code: int) -> Action:
    """Answer with an error whose words are made for terminals."""
    return lambda _request, _service: error(code, NASTY, NASTY)


def late(code: int) -> Action:
    """Do what was asked, and say that it went wrong."""

    def act(request: Request, service: Service) -> Answer:
        service(request)
        return error(code, "UNAVAILABLE", "busy")

    return act


def unauthorized(challenge: str = "") -> Action:
    """Answer 401, with a challenge or without."""
    extra = (("WWW-Authenticate", challenge),) if challenge else ()
    return lambda _request, _service: error(401, "UNAUTHORIZED", "authentication required", *extra)


# The wire


def wired(wire: Wire) -> Action:
    """Answer rightly, but send it so."""
    return lambda request, service: service(request).through(wire)


def cut(at: int, *, reset: bool = True) -> Action:
    """End the connection before byte *at* of the answer, its status line being the first."""
    return wired(Wire(cut=at, reset=reset))


def cut_body(at: int, *, reset: bool = True) -> Action:
    """End the connection before byte *at* of the body."""
    return wired(Wire(cut_body=at, reset=reset))


def drop(*, reset: bool = True) -> Action:
    """End the connection when the head of the request has come."""

    def act(_request: Request, _service: Service) -> Answer:
        raise Drop(reset=reset)

    return act


def drop_body(after: int) -> Action:
    """End the connection when *after* bytes of the request's body have come."""

    def act(request: Request, _service: Service) -> Answer:
        got = 0
        for piece in request.pieces():
            got += len(piece)
            if got >= after:
                break
        raise Drop

    return act


def lost(*, reset: bool = True) -> Action:
    """Do what was asked, and end the connection without an answer."""

    def act(request: Request, service: Service) -> Answer:
        service(request)
        raise Drop(reset=reset)

    return act


def stall(seconds: float, at: int = 0) -> Action:
    """Send nothing for a time, from byte *at* of the body on; below 0 it is before the status line."""
    return wired(Wire(stall=seconds, stall_at=at))


def drip(size: int, pause: float) -> Action:
    """Send the body *size* bytes at a time."""
    return wired(Wire(drip=size, pause=pause))


# Lies


def short(missing: int) -> Action:
    """Leave out the last bytes, with a Content-Length that is right for what is left."""

    def act(request: Request, service: Service) -> Answer:
        answer = service(request)
        return replace(answer, body=answer.content[:-missing])

    return act


def longer(extra: int) -> Action:
    """Add bytes at the end, with a Content-Length that is right."""

    def act(request: Request, service: Service) -> Answer:
        answer = service(request)
        return replace(answer, body=answer.content + bytes(extra))

    return act


def unmeasured() -> Action:
    """Answer without Content-Length; the end of the connection is the end of the body."""

    def act(request: Request, service: Service) -> Answer:
        answer = service(request)
        return replace(answer, body=lambda: iter((answer.content,)))

    return act


def chunked() -> Action:
    """Answer in chunks."""
    return lambda request, service: unmeasured()(request, service).with_header("Transfer-Encoding", "chunked")


def corrupt(at: int) -> Action:
    """Change one byte of the body; a negative *at* counts from the end."""

    def act(request: Request, service: Service) -> Answer:
        answer = service(request)
        data = bytearray(answer.content)
        if data:
            data[at % len(data)] ^= 0x20
        return replace(answer, body=bytes(data))

    return act


def header(name: str, *values: str) -> Action:
    """Answer rightly, but with this header instead of what it was; without values it is left out."""
    return lambda request, service: service(request).with_header(name, *values)


def length(size: int) -> Action:
    """Answer rightly but for Content-Length."""
    return lambda request, service: replace(service(request), length=size)


def other_digest() -> Action:
    """Lie in Docker-Content-Digest."""
    return header("Docker-Content-Digest", digest_of(b"something else"))


def ignore_range() -> Action:
    """Answer with the whole where a part was asked for."""

    def act(request: Request, service: Service) -> Answer:
        del request.headers["Range"]
        return service(request)

    return act


def wrong_range(value: str) -> Action:
    """Answer with a part, and say that it is another one."""
    return header("Content-Range", value)


def encoded() -> Action:
    """Send the body compressed, though nobody asked."""

    def act(request: Request, service: Service) -> Answer:
        answer = service(request)
        return replace(answer, body=gzip.compress(answer.content)).with_header("Content-Encoding", "gzip")

    return act


def raw(data: bytes) -> Action:
    """Send these bytes instead of an answer."""
    return lambda _request, _service: Answer(200, raw=lambda: iter((data,)))


def rewritten(change: Callable[[bytes, bytes], bytes]) -> Action:
    """Send what *change* makes of head and body, and end the connection."""

    def act(request: Request, service: Service) -> Answer:
        answer = service(request)
        body = b"" if request.method == "HEAD" else answer.content
        data = change(head_of(answer, request.method), body)
        return Answer(200, raw=lambda: iter((data,)))

    return act


def endless_head(size: int = 64 << 20) -> Action:
    """Send headers without an end."""

    def lines() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        for at in range(size // 1024):
            yield b"X-%07d: %s\r\n" % (at, b"x" * 1000)

    return lambda _request, _service: Answer(200, raw=lines)


# Places


def redirect(url: str, code: int = 307) -> Action:
    """Send the client to *url*, with the path of the request where it ends with a slash."""

    def act(request: Request, _service: Service) -> Answer:
        return Answer(code, (("Location", url + request.target.lstrip("/") if url.endswith("/") else url),))

    return act


def loop() -> Action:
    """Send the client to where it is."""
    return lambda request, _service: Answer(307, (("Location", request.target),))


# Too much


def zeros(size: int) -> Iterator[bytes]:
    """Give *size* zeros, a piece at a time."""
    for at in range(0, size, len(_ZEROS)):
        yield _ZEROS[: size - at]


def flood(size: int, *, content_type: str, code: int = 200, start: bytes = b"", measured: bool = False) -> Action:
    """Answer with *size* bytes, made as they are sent: ``start`` and then spaces."""

    def body() -> Iterator[bytes]:
        yield start
        for piece in zeros(size):
            yield piece.replace(b"\0", b" ")

    return lambda _request, _service: Answer(
        code, (("Content-Type", content_type),), body, length=size + len(start) if measured else None
    )


def squeezed(size: int, content_type: str) -> Action:
    """Answer with a small body that is *size* bytes of spaces when it is unpacked."""
    data = gzip.compress(b" " * size, 9)
    headers = (("Content-Type", content_type), ("Content-Encoding", "gzip"))
    return lambda _request, _service: Answer(200, headers, data)


def document(value: object, content_type: str, *extra: tuple[str, str], code: int = 200) -> Action:
    """Answer with a document as JSON."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return lambda _request, _service: Answer(code, (("Content-Type", content_type), *extra), body)
