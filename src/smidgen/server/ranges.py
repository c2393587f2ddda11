"""Which part of a blob a client asks for, and whether it has it already.

Source: RFC 9110, "HTTP Semantics", 13.1 (conditions) and 14 (ranges).
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from smidgen.server.refusal import Refusal

_RANGE: Final = re.compile(r"[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*\Z")


def wanted(headers: Mapping[str, str], size: int, etag: str) -> tuple[int, int] | None:
    """Give the first byte and the number of bytes that ``Range`` asks for; None for all of it.

    Raises:
        Refusal: Nothing of it is there, it is malformed, or it is several ranges.
    """
    unit, equals, text = headers.get("range", "").partition("=")
    if not equals or unit.strip().lower() != "bytes" or headers.get("if-range", etag) != etag:
        return None
    match = _RANGE.match(text)
    if match is None or match.group(1, 2) == ("", ""):
        several = "one range at a time is given out" if "," in text else f"{text!r} is not a range of bytes"
        raise _unsatisfiable(size, several)
    if not match[1]:
        count = min(int(match[2]), size)
        first, last = size - count, size - 1
    else:
        first = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
    if first > last or (match[1] and match[2] and int(match[1]) > int(match[2])):
        raise _unsatisfiable(size, f"nothing of {text!r} is there: the blob has {size} bytes")
    return first, last - first + 1


def is_known(headers: Mapping[str, str], etag: str) -> bool:
    """Tell whether the client says with ``If-None-Match`` that it has this content."""
    tags = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    return etag in tags or tags == ["*"]


def _unsatisfiable(size: int, reason: str) -> Refusal:
    return Refusal(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "RANGE_INVALID",
        reason,
        headers={"Content-Range": f"bytes */{size}"},
    )
