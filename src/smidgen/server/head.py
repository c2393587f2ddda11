"""The head of a request: its line and its headers, taken strictly.

Source: RFC 9112, "HTTP/1.1", 3 and 5 to 7. Whatever two readers could take for different requests (two lengths,
a length beside chunks, blanks before a colon, folded lines, bare line feeds) is refused, so that a proxy in
front of us and we ourselves never disagree on where a request ends.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote

from smidgen.server.refusal import malformed

#: Sizes in bytes.
MAX_HEAD: Final = 32 << 10
MAX_LINE: Final = 8 << 10
_MAX_HEADERS: Final = 100
_MAX_PARAMETERS: Final = 20
_LINE: Final = re.compile(rb"([A-Z]{1,20}) ([\x21-\x7e]+) HTTP/(\d)\.(\d)\Z")
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*\Z", re.DOTALL)
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH: Final = re.compile(r"[0-9]{1,18}\Z")
_ABSOLUTE: Final = re.compile(r"https?://[^/?#]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Head:
    """What a request says before its content.

    Attributes:
        method: In upper case.
        path: Decoded, without the query.
        query: The first value of each parameter.
        headers: Names in lower case; several lines of one name are joined by commas.
        length: Bytes of content, None where it comes in chunks.
        keep: Whether the client would go on with this connection.
        waits: Whether the client sends its content only when it is told to (``Expect: 100-continue``).
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    length: int | None
    keep: bool
    waits: bool


def parse_head(data: bytes) -> Head:
    """Parse *data*: all lines, without the empty one that ends them.

    Raises:
        Refusal: Not a request, or one that could be read in two ways.
    """
    line, _, rest = data.partition(b"\r\n")
    method, target, version = _request_line(line)
    headers = _headers(rest)
    if version >= (1, 1) and "host" not in headers:
        raise malformed("the request has no Host header")
    length = _length(headers, version)
    expect = headers.get("expect", "").lower()
    if expect not in {"", "100-continue"}:
        raise malformed(f"expectation {expect!r} cannot be met", HTTPStatus.EXPECTATION_FAILED)
    wishes = {wish.strip().lower() for wish in headers.get("connection", "").split(",")}
    keep = "close" not in wishes if version >= (1, 1) else "keep-alive" in wishes
    path, _, query = target.partition("?")
    return Head(method, unquote(path), _query(query), headers, length, keep, bool(expect) and version >= (1, 1))


def _request_line(line: bytes) -> tuple[str, str, tuple[int, int]]:
    if len(line) > MAX_LINE:
        raise malformed(f"the request line is over {MAX_LINE} bytes long", HTTPStatus.REQUEST_URI_TOO_LONG)
    match = _LINE.match(line)
    if match is None:
        raise malformed("not a request of HTTP/1.1")
    version = int(match[3]), int(match[4])
    if version[0] != 1:
        raise malformed("this server speaks HTTP/1.1", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    target = match[2].decode("ascii")
    if absolute := _ABSOLUTE.match(target):
        target = target[absolute.end() :] or "/"
    if not target.startswith("/"):
        raise malformed("the target of the request is no path")
    return match[1].decode("ascii"), target.partition("#")[0], version


def _headers(data: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    lines = data.split(b"\r\n") if data else []
    if len(lines) > _MAX_HEADERS:
        raise malformed(f"over {_MAX_HEADERS} headers", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    for line in lines:
        match = _HEADER.match(line)
        if match is None or _CONTROL.search(line):
            raise malformed("a header is malformed")
        name, value = match[1].decode("ascii").lower(), match[2].decode("latin-1")
        if name in headers and name in {"host", "content-length", "transfer-encoding", "authorization"}:
            raise malformed(f"the header {name} stands twice")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _length(headers: Mapping[str, str], version: tuple[int, int]) -> int | None:
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if coding is None:
        if length is None:
            return 0
        if not _LENGTH.match(length):
            raise malformed("Content-Length is not a number of bytes")
        return int(length)
    if length is not None:
        raise malformed("the request has both Content-Length and Transfer-Encoding")
    if coding.lower() != "chunked" or version < (1, 1):
        raise malformed("a transfer encoding other than chunked", HTTPStatus.NOT_IMPLEMENTED)
    return None


def _query(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        raise malformed(f"over {_MAX_PARAMETERS} parameters") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found
