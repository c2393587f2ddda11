"""What a refusal means: an answer of a registry → the error that the user reads.

Source: OCI distribution-spec v1.1.1, "Error Codes".
"""

from typing import Final

import msgspec

from smidgen.errors import (
    AccessDenied,
    LimitExceeded,
    NotInRegistry,
    RegistryError,
    TooManyRequests,
)
from smidgen.registry.response import Response

_BODY: Final = 64 << 10
_SHOWN: Final = 300


class _Fault(msgspec.Struct, frozen=True):
    code: str | int = ""
    message: str | None = None


class _Faults(msgspec.Struct, frozen=True):
    errors: list[_Fault] = []


def harmless(text: str, most: int = _SHOWN) -> str:
    """Cut what a registry wrote to a length that fits a message, and escape what a terminal would obey."""
    text = " ".join(text.split())
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in cut)


def refusal(response: Response, *, registry: str, request: str) -> RegistryError:
    """Make the error for *response*, whose body is read as far as it is of use, and close it."""
    code, message = _said(response)
    said = harmless(message or code)
    status = response.status
    leaf, hint = _meaning(status, registry)
    text = f"{request}: {status}" + (f" {said}" if said else "")
    return leaf(text, registry=registry, request=request, status=status, code=harmless(code, 60), hint=hint)


def _said(response: Response) -> tuple[str, str]:
    with response:
        try:
            data = response.read(_BODY)
        except (RegistryError, LimitExceeded):
            return "", ""
    try:
        faults = msgspec.json.decode(data, type=_Faults).errors
    except (msgspec.MsgspecError, UnicodeDecodeError):
        is_text = response.headers.get("content-type", "").startswith("text/plain")
        return "", data.decode("utf-8", "replace") if is_text else ""
    return (str(faults[0].code), faults[0].message or "") if faults else ("", "")


def _meaning(status: int, registry: str) -> tuple[type[RegistryError], str | None]:
    match status:
        case 401:
            return AccessDenied, f"smidgen login {registry}"
        case 403:
            return AccessDenied, "ask the owner of the repository for the right to do this"
        case 404:
            return NotInRegistry, "check the name and the tag"
        case 429:
            return TooManyRequests, "wait, or log in: registries allow more to those whom they know"
    return RegistryError, None
