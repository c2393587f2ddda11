"""The Docker engine's own interface: images in and out as archives, over its socket.

``docker load`` and ``docker save`` do no more than this, so Docker's command line need not be installed. An engine
that is reached in another way (ssh, TLS, a context) is left to that command line.

Source: Docker Engine API v1.41, "ImageLoad" and "ImageGet"; the variables are those of the docker command.
"""

import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, cast
from urllib.parse import quote, urlsplit

import msgspec

from smidgen.errors import NotFound, SandboxError

_SOCKET: Final = "/var/run/docker.sock"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
# What the engine says of one archive; and a bound for its settings.
_MAX_ANSWER: Final = 1 << 20
# An engine that loads a large layer is silent meanwhile.
_SILENCE: Final = 600.0
# One that is only asked what it is.
_IMPATIENCE: Final = 10.0
_WORKS: Final = "does `docker info` work?"


class _Message(msgspec.Struct):
    """A line of what the engine says; or the whole of an error."""

    stream: str = ""
    error: str = ""
    message: str = ""


class _Version(msgspec.Struct):
    """What the engine says of itself."""

    version: str = msgspec.field(name="Version")


def engine_address(environ: Mapping[str, str]) -> str | None:
    """Give ``unix:PATH`` or ``tcp:HOST:PORT`` of the engine that *environ* names; None where only docker gets there."""
    if environ.get("DOCKER_TLS_VERIFY") or environ.get("DOCKER_TLS"):
        return None
    host = environ.get("DOCKER_HOST", "")
    if not host:
        return None if _context(environ) else f"unix:{_SOCKET}"
    try:
        parts = urlsplit(host)
        if parts.scheme == "unix":
            return f"unix:{parts.netloc}{parts.path}"
        if parts.scheme == "tcp" and parts.hostname in _LOOPBACK:
            return f"tcp:{parts.hostname}:{parts.port or 2375}"
    except ValueError:
        pass
    return None


def _context(environ: Mapping[str, str]) -> str:
    """Name the context of the docker command that is in use; "" for the one that every installation has."""
    name = environ.get("DOCKER_CONTEXT", "")
    if not name:
        directory = environ.get("DOCKER_CONFIG") or f"{environ.get('HOME', '')}/.docker"
        try:
            with Path(directory, "config.json").open("rb") as file:
                settings = json.loads(file.read(_MAX_ANSWER))
            name = str(settings.get("currentContext", ""))
        except (OSError, ValueError, AttributeError, RecursionError):
            name = ""
    return "" if name == "default" else name


def is_absent(said: str) -> bool:
    """Tell whether the engine's words mean that it has no such image."""
    return "No such image" in said or "reference does not exist" in said


class Daemon:
    """A Docker engine at a socket."""

    def __init__(self, address: str) -> None:
        """Name it; nothing is connected yet.

        Args:
            address: As ``engine_address`` gives it.
        """
        self._address = address

    def load(self, write: Callable[[BinaryIO], None]) -> str:
        """Load the archive that *write* writes; give what the engine said.

        Raises:
            SandboxError: It cannot be reached, or did not take the archive; with its own words.
        """
        with closing(_Connection(self._address)) as connection:
            self._connect(connection)
            connection.putrequest("POST", "/images/load?quiet=1")
            connection.putheader("Content-Type", "application/x-tar")
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders()
            body = _Chunks(connection)
            # It may stop reading: then what it answers tells why.
            with suppress(BrokenPipeError, ConnectionResetError):
                write(cast("BinaryIO", body))
                connection.send(b"0\r\n\r\n")
            with self._answering():
                answer = connection.getresponse()
                said, error = _said(answer.read(_MAX_ANSWER))
        if answer.status != http.client.OK or error:
            raise SandboxError(f"docker did not load the image: {error or answer.status}", hint=_WORKS)
        return said

    @contextmanager
    def save(self, name: str) -> Iterator[BinaryIO]:
        """Open the archive of the image *name* for reading, once and forwards.

        Raises:
            NotFound: It has no such image.
            SandboxError: It cannot be reached, or refused; with its own words.
        """
        with closing(_Connection(self._address)) as connection:
            self._connect(connection)
            with self._answering():
                connection.request("GET", f"/images/get?names={quote(name, safe='')}")
                answer = connection.getresponse()
                if answer.status == http.client.OK:
                    yield cast("BinaryIO", answer)
                    return
                _, error = _said(answer.read(_MAX_ANSWER))
        if answer.status == http.client.NOT_FOUND or is_absent(error):
            raise NotFound(f"image {name!r} in docker", hint="`docker images` lists what there is")
        raise SandboxError(f"docker did not give the image {name!r}: {error or answer.status}", hint=_WORKS)

    def version(self) -> str:
        """Give the release of the engine, such as ``20.10.24``.

        Raises:
            SandboxError: It cannot be reached, or is no engine.
        """
        with closing(_Connection(self._address, silence=_IMPATIENCE)) as connection:
            self._connect(connection)
            with self._answering():
                connection.request("GET", "/version")
                answer = connection.getresponse().read(_MAX_ANSWER)
        try:
            return msgspec.json.decode(answer, type=_Version).version
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise SandboxError(f"what listens at {self._address} is no Docker engine", hint=_WORKS) from error

    def _connect(self, connection: "_Connection") -> None:
        try:
            connection.connect()
        except OSError as error:
            raise SandboxError(
                f"Cannot connect to the Docker daemon at {self._address}: {error.strerror or error}",
                hint="is it running, and may this user reach it? DOCKER_HOST names another one",
            ) from error

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            raise SandboxError(
                f"docker at {self._address} ended the conversation: {error or type(error).__name__}", hint=_WORKS
            ) from error


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket, or over TCP to this machine."""

    def __init__(self, address: str, *, silence: float = _SILENCE) -> None:
        kind, _, rest = address.partition(":")
        self._path = rest if kind == "unix" else ""
        host, _, port = rest.rpartition(":") if kind == "tcp" else ("localhost", "", "80")
        super().__init__(host, int(port), timeout=silence)

    def connect(self) -> None:
        if not self._path:
            super().connect()
            return
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connected.settimeout(self.timeout)
            connected.connect(self._path)
        except BaseException:
            connected.close()
            raise
        self.sock = connected


class _Chunks:
    """A body whose length is not known before: chunked transfer coding (RFC 9112, section 7.1)."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def write(self, data: bytes) -> int:
        if data:
            self._connection.send(b"%x\r\n" % len(data))
            self._connection.send(data)
            self._connection.send(b"\r\n")
        return len(data)


def _said(data: bytes) -> tuple[str, str]:
    """Give what it said, and the error if there was one, from an answer of one JSON object a line."""
    said, errors = [], []
    for line in data.splitlines():
        try:
            message = msgspec.json.decode(line, type=_Message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        said.append(message.stream)
        errors.append(message.error or message.message)
    return "".join(said).strip(), " ".join(error for error in errors if error)
