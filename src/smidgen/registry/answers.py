"""What a refusal means: an answer of a registry → the error that the user reads.

Source: OCI distribution-spec v1.1.1, "Error Codes"; docker's documentation of its rate limits.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from smidgen.errors import (
    AccessDenied,
    LimitExceeded,
    NotInRegistry,
    RegistryError,
    TooManyRequests,
)
from smidgen.registry.credentials import Credentials
from smidgen.registry.response import Headers, Response

_BODY: Final = 64 << 10
_SHOWN: Final = 300
#: Registries and proxies that tell how many requests are allowed call it so; ``100;w=21600`` is 100 in six hours.
_LIMITS: Final = ("ratelimit-limit", "ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-remaining")


class _Fault(msgspec.Struct, frozen=True):
    code: str | int | None = None
    message: str | None = None


class _Faults(msgspec.Struct, frozen=True):
    """The specification's errors; beside them what token services and other software answer."""

    errors: list[_Fault] | None = None
    error: str | None = None
    error_description: str | None = None
    details: str | None = None
    message: str | None = None


def harmless(text: str, most: int = _SHOWN) -> str:
    """Cut what a registry wrote to a length that fits a message, and escape what a terminal would obey."""
    text = " ".join(text[: most * 4].split())
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in cut)


def refusal(
    response: Response, *, registry: str, request: str, credentials: Credentials | None = None
) -> RegistryError:
    """Make the error for *response*, whose body is read as far as it is of use, and close it.

    Args:
        response: Of a status that was not expected.
        registry: As the user calls it.
        request: For people, such as ``GET https://ghcr.io/v2/me/app/manifests/1.0``.
        credentials: Those that were sent, or None.
    """
    with response:
        try:
            data = response.read(_BODY)
        except (RegistryError, LimitExceeded):
            data = b""
    return explain(
        response.status,
        data,
        response.headers,
        registry=registry,
        request=request,
        credentials=credentials,
        hide=response.hide,
    )


def explain(
    status: int,
    data: bytes,
    headers: Headers,
    *,
    registry: str,
    request: str,
    credentials: Credentials | None,
    hide: Callable[[str], str],
) -> RegistryError:
    """Make the error for an answer that was read; *hide* takes secrets out of what it says, the rest is as above."""
    code, said = map(hide, _said(data, headers))
    phrase = code or _phrase(status)
    place = request if f"://{registry}/" in request else f"{registry}: {request}"
    parts = [f"{place}: {status} {harmless(phrase, 60)}".rstrip(), *([harmless(said)] if said else [])]
    if status == 429 and (limits := _limits(headers)):
        parts.append(limits)
    if credentials is not None and status in (401, 403):
        who = f"of {harmless(credentials.username, 60)} " if credentials.username else ""
        parts.append(f"the credentials {who}from {credentials.source} were sent")
    leaf, hint = _meaning(status, code, registry, known=credentials is not None)
    return leaf("; ".join(parts), registry=registry, request=request, status=status, code=harmless(code, 60), hint=hint)


def _said(data: bytes, headers: Headers) -> tuple[str, str]:
    """Give the code and the message of an answer. Pages of HTML are for browsers and say nothing here."""
    try:
        faults = msgspec.json.decode(data, type=_Faults)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        is_text = headers.get("content-type", "").startswith("text/plain")
        return "", data.decode("utf-8", "replace") if is_text else ""
    if faults.errors:
        first = faults.errors[0]
        return str(first.code or ""), first.message or ""
    return faults.error or "", faults.error_description or faults.details or faults.message or ""


def _phrase(status: int) -> str:
    import http  # for what went wrong only

    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


def _limits(headers: Headers) -> str:
    found = [f"{name.removeprefix('x-')}: {headers[name]}" for name in _LIMITS if name in headers]
    if "retry-after" in headers:
        found.append(f"retry-after: {headers['retry-after']}")
    return harmless(", ".join(found), 160)


_LEAVES: Final[dict[int, type[RegistryError]]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: NotInRegistry,
    429: TooManyRequests,
}
_NOT_DONE: Final = "{registry} does not do this, or is set up not to"
_TOO_LARGE: Final = "the registry, or a proxy before it, limits how much may be sent at once"
#: Status → what to do, for those who are logged in and for those who are not.
_HINTS: Final[dict[int, tuple[str, str]]] = {
    401: ("log in again: {login}", "there are no credentials for {registry}: {login}"),
    403: (
        "ask the owner for the right to do this; a token may also lack a scope",
        "perhaps only those who are logged in may do this: {login}",
    ),
    404: (
        "check the name; some registries also answer so to those who may not see it",
        "check the name; some registries also answer so to those who are not logged in: {login}",
    ),
    405: (_NOT_DONE, _NOT_DONE),
    413: (_TOO_LARGE, _TOO_LARGE),
    429: (
        "wait, or have the limit raised",
        "wait, or log in, as most registries allow more to those they know: {login}",
    ),
    501: (_NOT_DONE, _NOT_DONE),
}


def _meaning(status: int, code: str, registry: str, *, known: bool) -> tuple[type[RegistryError], str | None]:
    leaf = _LEAVES.get(status, RegistryError)
    if code == "MANIFEST_UNKNOWN":
        return leaf, "the repository is there; check the tag or the digest"
    if status in _HINTS:
        hint = _HINTS[status][0 if known else 1]
        return leaf, hint.format(registry=registry, login=f"smidgen login {registry}")
    return leaf, f"{registry} has a fault of its own: try again later" if status >= 500 else None
