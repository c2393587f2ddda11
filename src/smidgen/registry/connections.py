"""Connections to servers: direct ones are the standard library's, those by way of a proxy are urllib3's.

Both are made by ``connected``; what goes wrong is an ``OSError``, whosever they are.
"""

import http.client
import select
import socket
import ssl
from typing import Final, cast

from smidgen.registry.proxies import Proxy
from smidgen.registry.url import Origin

_OPTIONS: Final[list[tuple[int, int, int | bytes]]] = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
]


class _Direct(http.client.HTTPConnection):
    def __init__(self, origin: Origin, timeout: float, context: ssl.SSLContext | None) -> None:
        super().__init__(origin.host, origin.port, timeout=timeout)
        self._context = context

    def connect(self) -> None:
        """Try the host's addresses one after the other, with the time limit for each."""
        self.sock = socket.create_connection((self.host, self.port), self.timeout)
        for option in _OPTIONS:
            self.sock.setsockopt(*option)
        if self._context is not None:
            # The dot at the end of a whole name is for resolvers; certificates are without.
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host.rstrip("."))


def direct(origin: Origin, timeout: float, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
    """Give a connection to *origin*, not yet made; *timeout* in seconds, *context* for https."""
    return _Direct(origin, timeout, context)


def proxied(
    origin: Origin, proxy: Proxy, timeout: float, context: ssl.SSLContext | None, own: ssl.SSLContext | None
) -> http.client.HTTPConnection:
    """Give a connection to *origin* by way of *proxy*, not yet made.

    For a server of http the proxy itself is spoken to; to one of https it makes a tunnel.

    Args:
        origin: The server.
        proxy: What stands before it.
        timeout: To connect, in seconds.
        context: For the server's TLS, where it speaks https.
        own: For the proxy's TLS, where it speaks https.
    """
    # It knows TLS inside of TLS, and takes 45 ms; most machines have no proxy.
    from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
    from urllib3.util import parse_url

    at = proxy.origin
    if context is None and own is None:
        return HTTPConnection(at.host, at.port, timeout=timeout, socket_options=_OPTIONS)
    if context is None:
        return HTTPSConnection(at.host, at.port, timeout=timeout, socket_options=_OPTIONS, ssl_context=own)
    connection = HTTPSConnection(
        at.host,
        at.port,
        timeout=timeout,
        socket_options=_OPTIONS,
        ssl_context=context,
        proxy=parse_url(str(at)),
        proxy_config=ProxyConfig(own, use_forwarding_for_https=False, assert_hostname=None, assert_fingerprint=None),
    )
    headers = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {}
    connection.set_tunnel(origin.host, origin.port, headers, scheme=at.scheme)
    return connection


def connected(connection: http.client.HTTPConnection) -> socket.socket:
    """Make *connection*, if it is not made yet; give its socket.

    Raises:
        OSError: There is none to be had; ``TimeoutError`` where no address answered in time, ``socket.gaierror`` where
            the host has none.
    """
    if connection.sock is None:
        if isinstance(connection, _Direct):
            connection.connect()
        else:
            _connect_by_way(connection)
    return cast("socket.socket", connection.sock)


def is_alive(connection: http.client.HTTPConnection) -> bool:
    """Tell whether *connection*, on which no answer is due, can be used once more.

    What can be read then is its end, or something that nobody asked for.
    """
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)


def _connect_by_way(connection: http.client.HTTPConnection) -> None:
    from urllib3.exceptions import ConnectTimeoutError, HTTPError

    try:
        connection.connect()
    except ConnectTimeoutError as error:
        raise TimeoutError from error
    except HTTPError as error:
        # Errors of the operating system come wrapped.
        raise error.__cause__ if isinstance(error.__cause__, OSError) else ConnectionError(str(error)) from error
