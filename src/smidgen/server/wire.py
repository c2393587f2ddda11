"""One connection: bytes in and out, with bounds on the time that a client may take.

A client that holds a connection and does nothing with it, or next to nothing, is cut off: what it may keep us
waiting is ``PATIENCE`` seconds, and one more for each ``PACE`` bytes that it moves.
"""

import os
import select
import socket
import ssl
import time
from contextlib import suppress
from typing import BinaryIO, Final

from smidgen.server.head import MAX_HEAD
from smidgen.server.refusal import ConnectionLost, malformed

#: Seconds.
PATIENCE: Final = 30.0
#: How the first record of a TLS connection begins (RFC 8446, 5.1).
_TLS_HANDSHAKE: Final = b"\x16\x03"
_IDLE: Final = 90.0
_LINGER: Final = 2.0
#: Bytes a second.
PACE: Final = 1 << 10
_RECEIVE: Final = 64 << 10
_ENCRYPT: Final = 256 << 10
_SENDFILE: Final = 1 << 30
_LINGER_BYTES: Final = 64 << 20
_END: Final = b"\r\n\r\n"


class Wire:
    """Reads heads and content from a socket, writes answers and files to it."""

    def __init__(self, connection: socket.socket, *, patience: float = PATIENCE) -> None:
        self._socket = connection
        self._patience = patience
        self._buffer = bytearray()
        self._waited = 0.0
        self._moved = 0

    def read_head(self) -> bytes | None:
        """Read up to the empty line that ends a head, and give what is before it; None where the client is done.

        Raises:
            Refusal: Larger than ``MAX_HEAD``.
            ConnectionLost: The client is too slow, or went away in the middle.
        """
        deadline = 0.0
        while True:
            if self._buffer.startswith(b"\r\n"):
                # An empty line before a request is skipped (RFC 9112, 2.2).
                del self._buffer[:2]
            if (end := self._buffer.find(_END, 0, MAX_HEAD + len(_END))) >= 0:
                head = bytes(self._buffer[:end])
                del self._buffer[: end + len(_END)]
                self._waited, self._moved = 0.0, 0
                return head
            if len(self._buffer) > MAX_HEAD:
                raise malformed(f"the head of the request is over {MAX_HEAD} bytes")
            if self._buffer.startswith(_TLS_HANDSHAKE):
                # A client that tries TLS first waits for our answer, and tries again without.
                raise malformed("this is TLS, and here plain HTTP is spoken")
            if not deadline and self._buffer:
                deadline = time.monotonic() + self._patience
            limit = deadline - time.monotonic() if deadline else _IDLE
            data = self._receive(limit)
            if not data:
                if self._buffer:
                    raise ConnectionLost
                return None
            self._buffer += data

    def read_line(self, limit: int) -> bytes:
        """Read a line of at most *limit* bytes, without its end.

        Raises:
            Refusal: It is longer.
            ConnectionLost: The client went away.
        """
        while (end := self._buffer.find(b"\r\n", 0, limit + 2)) < 0:
            if len(self._buffer) > limit:
                raise malformed("a line between the chunks of the content is too long")
            self._buffer += self._wait_for_bytes()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def readinto(self, view: memoryview) -> int:
        """Read at least one byte of content into *view*.

        Raises:
            ConnectionLost: The client went away, or is too slow.
        """
        if self._buffer:
            count = min(len(self._buffer), len(view))
            view[:count] = self._buffer[:count]
            del self._buffer[:count]
            return count
        began = time.monotonic()
        self._socket.settimeout(self._patience)
        try:
            count = self._socket.recv_into(view)
        except OSError as error:
            raise ConnectionLost from error
        if not count:
            raise ConnectionLost
        self._keep_pace(began, count)
        return count

    def send(self, data: bytes, *, more: bool = False) -> None:
        """Send *data*; with *more*, the kernel may wait for what is sent next.

        Raises:
            ConnectionLost: The client went away, or does not read.
        """
        self._socket.settimeout(self._patience)
        try:
            if more and not isinstance(self._socket, ssl.SSLSocket):
                self._socket.sendall(data, socket.MSG_MORE)
            else:
                self._socket.sendall(data)
        except OSError as error:
            raise ConnectionLost from error

    def send_file(self, file: BinaryIO, offset: int, count: int) -> None:
        """Send *count* bytes of *file* from *offset*: by the kernel alone where there is no encryption.

        Raises:
            ConnectionLost: The client went away or is too slow, or the file has become shorter.
        """
        self._socket.settimeout(self._patience)
        if isinstance(self._socket, ssl.SSLSocket):
            self._send_encrypted(file, offset, count)
            return
        target = self._socket.fileno()
        while count:
            try:
                sent = os.sendfile(target, file.fileno(), offset, min(count, _SENDFILE))
            except BlockingIOError:
                began = time.monotonic()
                self._wait_until_writable()
                self._keep_pace(began, 0)
                continue
            except OSError as error:
                raise ConnectionLost from error
            if not sent:
                raise ConnectionLost
            offset, count = offset + sent, count - sent
            self._moved += sent

    def linger(self) -> None:
        """Read on for a moment what nobody wants, so that the client gets the answer before the connection breaks."""
        deadline = time.monotonic() + _LINGER
        left = _LINGER_BYTES
        with suppress(OSError, ConnectionLost):
            self._socket.shutdown(socket.SHUT_WR)
            while left > 0 and (limit := deadline - time.monotonic()) > 0 and (data := self._receive(limit)):
                left -= len(data)

    def _receive(self, limit: float) -> bytes:
        if limit <= 0:
            raise ConnectionLost
        self._socket.settimeout(limit)
        try:
            return self._socket.recv(_RECEIVE)
        except OSError as error:
            raise ConnectionLost from error

    def _wait_for_bytes(self) -> bytes:
        began = time.monotonic()
        data = self._receive(self._patience)
        if not data:
            raise ConnectionLost
        self._keep_pace(began, len(data))
        return data

    def _keep_pace(self, began: float, count: int) -> None:
        self._waited += time.monotonic() - began
        self._moved += count
        if self._waited > self._patience + self._moved / PACE:
            raise ConnectionLost

    def _wait_until_writable(self) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        if not poll.poll(self._patience * 1000):
            raise ConnectionLost

    def _send_encrypted(self, file: BinaryIO, offset: int, count: int) -> None:
        while count:
            data = os.pread(file.fileno(), min(count, _ENCRYPT), offset)
            if not data:
                raise ConnectionLost
            self.send(data)
            offset, count = offset + len(data), count - len(data)
