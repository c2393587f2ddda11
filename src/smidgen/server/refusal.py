"""What a client is told when it does not get what it asked for.

Source: distribution-spec v1.1.1, "Error Codes". Codes that are not in its table are our own, which it allows.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import msgspec

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
#: As long as a message gets; what a client sent may be in it.
_MAX_MESSAGE: Final = 1000


class Refusal(Exception):
    """Ends the work on one request, and becomes its answer; it never leaves this room.

    Attributes:
        status: Of HTTP.
        code: Of the specification's table where it has one.
        headers: For the answer.
        close: Whether the connection cannot be used further.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] = _NOTHING,
        close: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message[:_MAX_MESSAGE]
        self.headers = headers
        self.close = close

    def document(self) -> bytes:
        """Render the JSON of the specification."""
        fault: dict[str, Any] = {"code": self.code, "message": self.message}
        return msgspec.json.encode({"errors": [fault]})


class ConnectionLost(Exception):
    """The client is gone, or so slow that it counts as gone; there is nobody left to answer."""


def name_invalid(name: str, reason: str) -> Refusal:
    """Refuse the name of a repository."""
    return Refusal(HTTPStatus.BAD_REQUEST, "NAME_INVALID", f"invalid repository name {name!r}: {reason}")


def name_unknown(name: str) -> Refusal:
    """Say that a repository has nothing in it."""
    return Refusal(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", f"repository {name} is not known to this registry")


def manifest_unknown(name: str, reference: str, why: str = "is not here") -> Refusal:
    """Say that there is no such manifest, or none that the client takes."""
    joint = "@" if ":" in reference else ":"
    return Refusal(HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN", f"{name}{joint}{reference} {why}")


def manifest_invalid(reason: str) -> Refusal:
    """Refuse a manifest that is pushed."""
    return Refusal(HTTPStatus.BAD_REQUEST, "MANIFEST_INVALID", reason)


def blob_unknown(digest: str) -> Refusal:
    """Say that there is no such blob."""
    return Refusal(HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN", f"blob {digest} is not here")


def digest_invalid(reason: str) -> Refusal:
    """Refuse a digest: its form, its algorithm, or its content."""
    return Refusal(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", reason)


def unsupported(reason: str, *, allow: str = "") -> Refusal:
    """Refuse what is not done here at all, or not now."""
    headers = {"Allow": allow} if allow else {}
    return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "UNSUPPORTED", reason, headers=headers)


def malformed(reason: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Refusal:
    """Refuse what is no HTTP; what follows on the connection cannot be trusted either."""
    return Refusal(status, "UNSUPPORTED", reason, close=True)


def busy(reason: str) -> Refusal:
    """Ask the client to come again."""
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "TOOMANYREQUESTS", reason, headers={"Retry-After": "2"})
