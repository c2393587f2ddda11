"""Connections taken at a listening socket and carried on, to a port of the loopback or to another socket.

It serves published ports: connections taken on the host's side are carried to the loopback here.

A socket stays in the network namespace where it was made. So the starter listens in the host's, hands
the sockets over, and this process, which lives in the container's, connects: no namespace is entered
or left, and no privilege is needed.
"""

import contextlib
import selectors
import socket
import struct
from collections.abc import Sequence
from typing import Final

_CHUNK: Final = 1 << 16
_MAX_CONNECTIONS: Final = 1024
_PATIENCE: Final = 0.25  # seconds
_ABORT: Final = struct.pack("ii", 1, 0)


class Forwarder:
    """Carries connections of several listening sockets.

    Args:
        listeners: Each with where it leads: a port of 127.0.0.1 or ::1, or the path of a socket.
    """

    def __init__(self, listeners: Sequence[tuple[socket.socket, int | str]]) -> None:
        self._selector = selectors.DefaultSelector()
        self._connections = 0
        for listener, target in listeners:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, target)

    def run(self, until: socket.socket | None = None) -> None:
        """Carry until *until* can be read, or this process is killed; then all connections are closed."""
        if until is not None:
            self._selector.register(until, selectors.EVENT_READ, None)
        while True:
            for key, events in self._selector.select():
                if key.data is None:
                    self._close()
                    return
                if isinstance(key.data, int | str):
                    assert isinstance(key.fileobj, socket.socket)  # noqa: S101
                    self._accept(key.fileobj, key.data)
                else:
                    self._carry(key.data, events)

    def _close(self) -> None:
        for key in list(self._selector.get_map().values()):
            # Of an end that waits for its peer there is nothing in the selector.
            for end in (key.data, key.data.peer) if isinstance(key.data, _End) else ():
                end.socket.close()
        self._selector.close()

    def _accept(self, listener: socket.socket, target: int | str) -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return  # it went away between select and accept
        server = _connect(target) if self._connections < _MAX_CONNECTIONS else None
        if server is None:
            # As the kernel does where nobody listens: a reset, not an orderly end.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            client.close()
            return
        self._connections += 1
        one, other = _End(client), _End(server)
        one.peer, other.peer = other, one
        for end in (one, other):
            end.socket.setblocking(False)
            with contextlib.suppress(OSError):
                end.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(end.socket, selectors.EVENT_READ, end)

    def _carry(self, end: "_End", events: int) -> None:
        if end.closed:
            return  # the other end was dropped earlier in the same round
        try:
            if events & selectors.EVENT_WRITE:
                end.send()
            if events & selectors.EVENT_READ and end.reads:
                end.receive()
        except OSError:
            self._drop(end)
            return
        if end.done and end.peer.done:
            self._drop(end)
            return
        self._watch(end)
        self._watch(end.peer)

    def _watch(self, end: "_End") -> None:
        events = selectors.EVENT_READ if end.reads else 0
        if end.pending:
            events |= selectors.EVENT_WRITE
        registered = end.socket in self._selector.get_map()
        if events and registered:
            self._selector.modify(end.socket, events, end)
        elif events:
            self._selector.register(end.socket, events, end)
        elif registered:
            self._selector.unregister(end.socket)

    def _drop(self, end: "_End") -> None:
        self._connections -= 1
        for one in (end, end.peer):
            if one.socket in self._selector.get_map():
                self._selector.unregister(one.socket)
            one.socket.close()
            one.closed = True


class _End:
    """One socket of a connection, with the bytes that it still has to send."""

    peer: "_End"

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.pending = b""
        self.closed = False
        self._ended = False  # nothing more comes in here
        self.ending = False  # the peer has ended: say so here when all is sent
        self._finished = False

    @property
    def reads(self) -> bool:
        """Whether to take more: not while the peer still has bytes to send, so memory stays bounded."""
        return not self._ended and not self.peer.pending

    @property
    def done(self) -> bool:
        """Whether this end neither receives nor sends any more."""
        return self._ended and self._finished

    def receive(self) -> None:
        """Take what has come in and pass it to the peer."""
        try:
            data = self.socket.recv(_CHUNK)
        except BlockingIOError:
            return
        if data:
            self.peer.pending = data
        else:
            self._ended = True
            self.peer.ending = True
        self.peer.send()

    def send(self) -> None:
        """Send what is pending as far as the socket takes it."""
        if self.pending:
            try:
                self.pending = self.pending[self.socket.send(self.pending) :]
            except BlockingIOError:
                return
        if self.ending and not self.pending and not self._finished:
            self._finished = True
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)


def _connect(target: int | str) -> socket.socket | None:
    if isinstance(target, str):
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            server.settimeout(_PATIENCE)
            server.connect(target)
        except OSError:
            server.close()
            return None
        return server
    for host in ("127.0.0.1", "::1"):
        try:
            # Loopback answers at once; it does not while the server's queue of connections is full.
            return socket.create_connection((host, target), timeout=_PATIENCE)
        except OSError:
            continue
    return None
