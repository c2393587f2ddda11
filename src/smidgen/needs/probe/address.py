"""Addresses that a health check asks: ``http://:8080/healthz``, ``tcp://:5432``, ``grpc://:50051/SERVICE``.

They are read here, in their whole, as the probe itself says little about a bad one, and says it at run time.
"""

import math
import re
from collections.abc import Sequence
from typing import Final

from smidgen.errors import UsageError

#: Where the probe is in an image.
PROBE_PATH: Final = "/.smidgen/probe"
#: How the addresses of health checks begin, and those that look like it; nothing of the sort is a program's name.
SCHEMES: Final = ("http://", "https://", "tcp://", "grpc://", "grpcs://")
#: How long the probe waits by itself, as docker does.
_OWN_SECONDS: Final = 30
_SECOND: Final = 1_000_000_000
_MAX_TARGET: Final = 1024
_ADDRESS = re.compile(
    r"(?P<scheme>[a-z]+)://(?P<host>\[[^\]/]*\]|[^:/?#@\[\]]*)(?::(?P<port>[0-9]*))?(?P<target>[/?#].*)?\Z",
    re.DOTALL,
)
_HOSTS: Final = {"": "localhost", "localhost": "localhost", "127.0.0.1": "127.0.0.1", "[::1]": "[::1]"}
_FORMS: Final = "http://:PORT/PATH, tcp://:PORT, grpc://:PORT[/SERVICE] or exec:/PROGRAM ARGUMENTS"


def parse_address(text: str) -> str:
    """Parse an address into the form that the probe takes, with its host.

    Without a host, both loopback addresses are meant: 127.0.0.1, and where that refuses, ::1.

    Raises:
        UsageError: Another scheme or form, a host that is not this container, a port out of range.
    """
    match = _ADDRESS.match(text)
    scheme = match["scheme"] if match else text.partition(":")[0]
    if scheme in {"https", "grpcs"}:
        raise UsageError(
            f"{text!r}: the probe speaks no TLS",
            hint="ask a port without TLS, or write tcp://:PORT to see that it is open",
        )
    if match is None or scheme not in {"http", "tcp", "grpc"}:
        raise UsageError(f"invalid address of a health check {text!r}", hint=f"expected {_FORMS}")
    if (host := _HOSTS.get(match["host"])) is None:
        raise UsageError(
            f"{text!r} asks {match['host']!r}, which may not be this container",
            hint="leave the host out, or write localhost, 127.0.0.1 or [::1]",
        )
    port = match["port"] or ""
    if not (0 < len(port) <= 5 and 1 <= int(port) <= 65535):
        raise UsageError(f"{text!r} has no port of 1 to 65535", hint=f"expected {_FORMS}")
    return f"{scheme}://{host}:{int(port)}{_target(text, scheme, match['target'] or '')}"


def probe_words(text: str, *, timeout: int = 0) -> tuple[str, ...]:
    """Give the words of the command that asks the address *text*.

    Args:
        text: As :func:`parse_address` takes it.
        timeout: Of the health check, in nanoseconds; 0 for the engine's own.

    Raises:
        UsageError: It is not of its form.
    """
    address = parse_address(text)
    seconds = math.ceil(timeout / _SECOND)
    return (PROBE_PATH, "-t", str(min(seconds, 86400)), address) if seconds > _OWN_SECONDS else (PROBE_PATH, address)


def probed_address(test: Sequence[str] | None) -> str | None:
    """Give the address that a health check asks by the probe; None where it runs something else, or nothing."""
    match tuple(test or ()):
        case ("CMD", program, *_, address) if program == PROBE_PATH:
            return address
    return None


def _target(text: str, scheme: str, target: str) -> str:
    """Check a path, or a service's name behind a slash."""
    if scheme == "tcp" and target not in {"", "/"}:
        raise UsageError(f"{text!r}: a TCP connection has no path", hint="expected tcp://:PORT")
    if target.startswith(("?", "#")) or "#" in target or (scheme == "grpc" and "?" in target):
        raise UsageError(f"{text!r}: {target!r} is no path", hint=f"expected {_FORMS}")
    if len(target) > _MAX_TARGET or not all("!" <= character <= "~" for character in target):
        raise UsageError(
            f"{text!r}: a path of up to {_MAX_TARGET} printable ASCII characters was expected",
            hint="write others as in a URL, such as %20 for a space",
        )
    return "" if scheme != "http" and target == "/" else target
