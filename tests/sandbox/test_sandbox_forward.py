"""Published ports: bytes carried both ways, in order, whole, however the ends behave."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

_RUN = (
    "import socket, sys; from smidgen.sandbox.cell.forward import Forwarder; "
    "Forwarder([(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))]).run()"
)
LIMIT = 30.0


@dataclass(frozen=True)
class Forwarded:
    """A port that leads to a server of the test's."""

    port: int
    server: socket.socket

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """Give both ends of a new connection: the client's and the server's."""
        client = socket.create_connection(("127.0.0.1", self.port), LIMIT)
        end, _ = self.server.accept()
        end.settimeout(LIMIT)
        return client, end


@pytest.fixture(params=[("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)], ids=["IPv4", "IPv6"])
def forwarded(request: pytest.FixtureRequest) -> Iterator[Forwarded]:
    address, family = request.param
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server((address, 0), family=family))
        server.settimeout(LIMIT)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        command = [sys.executable, "-c", _RUN, str(listener.fileno()), str(server.getsockname()[1])]
        process = stack.enter_context(subprocess.Popen(command, pass_fds=[listener.fileno()]))
        stack.callback(process.kill)
        yield Forwarded(listener.getsockname()[1], server)
        assert process.poll() is None


def read_all(end: socket.socket) -> bytes:
    data = bytearray()
    while block := end.recv(1 << 16):
        data += block
    return bytes(data)


def send_all(end: socket.socket, data: bytes) -> None:
    end.sendall(data)
    end.shutdown(socket.SHUT_WR)


def test_both_ways(forwarded: Forwarded) -> None:
    client, end = forwarded.connect()
    with client, end:
        client.sendall(b"request")
        assert end.recv(100) == b"request"
        end.sendall(b"answer")
        assert client.recv(100) == b"answer"


def test_an_end_that_has_said_all_can_still_listen(forwarded: Forwarded) -> None:
    client, end = forwarded.connect()
    with client, end:
        client.sendall(b"request")
        client.shutdown(socket.SHUT_WR)
        assert read_all(end) == b"request"
        end.sendall(b"a long answer" * 100_000)
        end.close()
        assert read_all(client) == b"a long answer" * 100_000


def test_a_slow_reader_gets_it_all(forwarded: Forwarded) -> None:
    client, end = forwarded.connect()
    data = os.urandom(8_000_000)
    with client, end:
        sender = threading.Thread(target=send_all, args=(end, data))
        sender.start()
        got = bytearray()
        while block := client.recv(1 << 16):
            got += block
            if len(got) < 1_000_000:
                time.sleep(0.002)
        sender.join()
    assert bytes(got) == data


def test_a_reset_is_passed_on_as_an_end(forwarded: Forwarded) -> None:
    client, end = forwarded.connect()
    with end:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        with contextlib.suppress(ConnectionResetError):
            assert end.recv(1) == b""


def test_many_at_once(forwarded: Forwarded) -> None:
    pairs = [forwarded.connect() for _ in range(50)]
    for number, (client, _) in enumerate(pairs):
        client.sendall(b"%d" % number)
    said = {end.recv(10) for _, end in pairs}
    assert said == {b"%d" % number for number in range(50)}
    for client, end in pairs:
        client.close()
        end.close()
    client, end = forwarded.connect()
    client.close()
    end.close()


def test_where_nobody_listens_the_connection_is_reset(forwarded: Forwarded) -> None:
    forwarded.server.close()
    with socket.create_connection(("127.0.0.1", forwarded.port), LIMIT) as client, pytest.raises(ConnectionResetError):
        read_all(client)
