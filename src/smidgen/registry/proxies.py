"""Which proxy stands before a server.

Source: Go's ``golang.org/x/net/http/httpproxy`` documents the variables as docker, crane and skopeo read them.
"""

import urllib.parse
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from smidgen.errors import UsageError
from smidgen.registry.addresses import is_loopback, literal
from smidgen.registry.url import Origin, Url


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Attributes:
        origin: Where it listens.
        authorization: Value of ``Proxy-Authorization``, or empty. Never shown.
    """

    origin: Origin
    authorization: str = field(default="", repr=False)


def find_proxy(origin: Origin, environ: Mapping[str, str]) -> Proxy | None:
    """Give the proxy that the variables name for *origin*; this machine is always asked directly.

    Raises:
        UsageError: The variable holds no proxy of http or https; what it holds is not shown.
    """
    if is_loopback(origin.host):
        return None
    name = f"{origin.scheme}_proxy"
    # In a CGI program HTTP_PROXY is a header of whoever asks ("httpoxy").
    upper = "" if name == "http_proxy" and environ.get("REQUEST_METHOD") else environ.get(name.upper(), "")
    text = environ.get(name) or upper
    if not text or _is_excepted(origin, environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
        return None
    variable = name if environ.get(name) else name.upper()
    return _parse(text if "://" in text else f"http://{text}", variable)


def _parse(text: str, variable: str) -> Proxy:
    try:
        scheme, _, rest = text.partition("://")
        user, at, place = rest.rpartition("@")
        url = Url.parse(f"{scheme}://{place}")
    except ValueError as error:
        # The error of the parser may hold what stands in the variable, and with it a password.
        raise UsageError(
            f"{variable} is not the address of a proxy of http or https",
            hint="expected http://HOST:PORT or http://USER:PASSWORD@HOST:PORT",
        ) from (None if "@" in text else error)
    if not at:
        return Proxy(url.origin)
    secret = b64encode(urllib.parse.unquote_to_bytes(user if ":" in user else f"{user}:")).decode()
    return Proxy(url.origin, f"Basic {secret}")


def _is_excepted(origin: Origin, exceptions: str) -> bool:
    import ipaddress  # only where there is a proxy

    address = literal(origin.host)
    for exception in exceptions.split(","):
        text = exception.strip().lower()
        if text == "*":
            return True
        with suppress(ValueError):
            if address is not None and address in ipaddress.ip_network(text, strict=False):
                return True
        host, port = _split(text)
        if not host or (port and port != str(origin.port)):
            continue
        if literal(host) is not None:
            if literal(host) == address:
                return True
            continue
        domain = host.removeprefix("*").removeprefix(".")
        if origin.host.endswith(f".{domain}") or (origin.host == domain and not host.startswith((".", "*"))):
            return True
    return False


def _split(text: str) -> tuple[str, str]:
    if text.count(":") > 1 and not text.startswith("["):
        return text, ""
    host, colon, port = text.rpartition(":")
    if colon and (port.isdecimal() or not port) and not text.endswith("]"):
        return host.strip("[]"), port
    return text.strip("[]"), ""
