"""Answers to requests, and how they are written."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO, Final

_BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@dataclass(frozen=True, slots=True)
class Span:
    """A part of an open file, in bytes. Who sends it closes it."""

    file: BinaryIO
    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: a status, headers, and content that is at hand or in a file.

    Attributes:
        status: Of HTTP.
        headers: Those that are particular to it.
        content: Of the answer, unless it is *span*.
        span: Content in a file.
        close: Whether the connection ends after it.
    """

    status: HTTPStatus
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    span: Span | None = None
    close: bool = False

    @property
    def size(self) -> int:
        """Bytes of content."""
        return self.span.count if self.span else len(self.content)


def render(answer: Answer, *, keep: bool) -> bytes:
    """Write status line and headers."""
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime())}",
        "Docker-Distribution-Api-Version: registry/2.0",
        # Nothing here is a page, whatever somebody pushed.
        "X-Content-Type-Options: nosniff",
    ]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    if answer.status not in _BODILESS:
        lines.append(f"Content-Length: {answer.size}")
    if not keep:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
