"""Addresses that a registry may not send us to: this machine, its network, and the cloud's own services.

Source: RFC 6890 and the registries that it names, by way of ``ipaddress``.
"""

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ipaddress

_NAT64: Final = "64:ff9b::/96"
#: What every address is made of; most hosts are told from them without the modules that know addresses.
_DIGITS: Final = re.compile(r"^[0-9a-fA-FxX.:]+\Z")


def literal(host: str) -> "ipaddress.IPv4Address | ipaddress.IPv6Address | None":
    """Give the address that *host* is, or None if it is a name.

    Resolvers take ``127.1``, ``2130706433`` and ``0x7f.1`` for addresses too, so they are ones here.
    """
    host = host.strip("[]").partition("%")[0].rstrip(".")
    if not _DIGITS.match(host):
        return None
    import ipaddress  # see _DIGITS
    import socket

    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        return address if isinstance(address, ipaddress.IPv4Address) else _inner(address)
    with suppress(OSError):
        return ipaddress.IPv4Address(socket.inet_aton(host))
    return None


def _inner(address: "ipaddress.IPv6Address") -> "ipaddress.IPv4Address | ipaddress.IPv6Address":
    """Look through the ways to write an IPv4 address as an IPv6 one."""
    import ipaddress  # see _DIGITS

    if address in ipaddress.IPv6Network(_NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_loopback(host: str) -> bool:
    """Tell whether *host* is this machine: ``localhost``, a name below it, or an address for it."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = literal(host)
    return address is not None and address.is_loopback


def is_internal(host: str) -> bool:
    """Tell whether *host* is an address outside the public internet, or ``localhost``; names are not resolved."""
    address = literal(host)
    return is_loopback(host) if address is None else not address.is_global or address.is_multicast
