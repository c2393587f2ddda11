"""Published ports: ``[IP:]HOST:PORT[/tcp]`` as docker writes it, and the sockets that listen for them."""

import errno
import re
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from smidgen.errors import SandboxError, UsageError

_FORM: Final = re.compile(
    r"^(?:(?:(?P<ip>[0-9.]+|\[[0-9a-fA-F:.]+\]):)?(?P<host>[0-9]{0,5}):)?(?P<port>[0-9]{1,5})(?:/(?P<protocol>[a-z]+))?\Z"
)
_BACKLOG: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """One published port.

    Attributes:
        address: Of the host; empty means all of them, IPv4 and IPv6.
        host_port: 0 lets the kernel choose.
        port: Of the container.
    """

    address: str = ""
    host_port: int = 0
    port: int

    @classmethod
    def parse(cls, text: str) -> "Publish":
        """Parse what follows ``-p``.

        Raises:
            UsageError: Another form, a port out of range, or another protocol than TCP.
        """
        match = _FORM.match(text)
        if match is None:
            raise UsageError(
                f"invalid port {text!r}", hint="expected [IP:]HOST:PORT[/tcp], such as 8080:8080 or 127.0.0.1:80:8080"
            )
        if match["protocol"] not in (None, "tcp"):
            raise UsageError(f"cannot publish {text!r}: only tcp is carried, got {match['protocol']}")
        host, port = int(match["host"] or 0), int(match["port"])
        if not 1 <= port <= 65535 or host > 65535:
            raise UsageError(f"invalid port {text!r}: a port is a number from 1 to 65535")
        return cls(address=(match["ip"] or "").strip("[]"), host_port=host, port=port)


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket of the host that listens for a port of the container."""

    socket: socket.socket
    port: int

    @property
    def address(self) -> str:
        """``IP:PORT`` of the host."""
        host, port = self.socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listen(ports: Iterable[Publish]) -> tuple[Listening, ...]:
    """Listen on the host for each of *ports*; closes all of them when one cannot be had.

    Raises:
        SandboxError: The port is taken, is not allowed, or the address is not this machine's.
    """
    with ExitStack() as stack:
        listening: list[Listening] = []
        for publish in ports:
            for one in _listen(publish):
                stack.callback(one.socket.close)
                listening.append(one)
        stack.pop_all()
        return tuple(listening)


def _listen(publish: Publish) -> list[Listening]:
    if publish.address:
        family = socket.AF_INET6 if ":" in publish.address else socket.AF_INET
        return [Listening(_bound(publish, family, publish.address, publish.host_port), publish.port)]
    first = _bound(publish, socket.AF_INET, "0.0.0.0", publish.host_port)  # noqa: S104 (as docker does)
    found = [Listening(first, publish.port)]
    try:
        other = _open(socket.AF_INET6, "::", first.getsockname()[1])
    except OSError:
        return found  # no IPv6 on this machine, or the port is another program's there
    return [*found, Listening(other, publish.port)]


def _bound(publish: Publish, family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    try:
        return _open(family, address, port)
    except OSError as error:
        hint = {
            errno.EADDRINUSE: "another program listens there: choose another host port, or 0 for any free one",
            errno.EACCES: "ports below 1024 are the superuser's: choose a higher one",
            errno.EADDRNOTAVAIL: "the address must be one of this machine's",
        }.get(error.errno or 0)
        where = f"{address}:{port}"
        raise SandboxError(f"cannot publish {where} for port {publish.port}: {error.strerror}", hint=hint) from error


def _open(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((address, port))
        opened.listen(_BACKLOG)
    except BaseException:
        opened.close()
        raise
    return opened
