"""Secrets over HTTP, as Habitus serves them to commands of a build, on the loopback only.

Whoever asks has to know the user and the password. They are made up for each run, and commands get them in variables
that are in no cache key, no layer and no history; the host's name has them too, so that Dockerfiles which were written
for a service without passwords work.

Source: Habitus 1.0 (``api/server.go``).
"""

import base64
import hmac
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote

from smidgen._version import __version__
from smidgen.errors import UsageError
from smidgen.flow.secrets import Secrets

HOST: Final = "127.0.0.1"
USER: Final = "habitus"
#: Names of the variables that say where secrets are.
VARIABLES: Final = ("habitus_host", "habitus_port", "habitus_user", "habitus_password")
_PATIENCE: Final = 30.0
_PREFIX: Final = "/v1/secrets/"


@dataclass(frozen=True, slots=True)
class SecretService:
    """Where secrets are served.

    Attributes:
        port: On the loopback.
        user: Who may ask.
        password: What they have to know.
    """

    port: int
    user: str
    password: str

    @property
    def variables(self) -> Mapping[str, str]:
        """What commands are told."""
        host = f"{self.user}:{self.password}@{HOST}"
        return dict(zip(VARIABLES, (host, str(self.port), self.user, self.password), strict=True))


@contextmanager
def serving(found: Secrets, *, port: int = 0, user: str = "", password: str = "") -> Iterator[SecretService]:
    """Serve *found* while the context lasts.

    Args:
        found: The secrets.
        port: To listen at, or 0 for any that is free.
        user: Who may ask; by default ``habitus``.
        password: By default a new one.

    Raises:
        UsageError: The port is taken.
    """
    user, password = user or USER, password or secrets.token_hex(16)
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    try:
        server = _Server(found, expected, port)
    except OSError as error:
        raise UsageError(
            f"cannot serve secrets at port {port}: {error.strerror}", hint="give another one with --port"
        ) from error
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="secrets", daemon=True)
    thread.start()
    try:
        yield SecretService(server.server_port, user, password)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, found: Secrets, expected: str, port: int) -> None:
        self.found = found
        self.expected = expected
        super().__init__((HOST, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 (as the base has it)
        """Say nothing: who asked has gone."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "smidgen"
    sys_version = ""
    timeout = _PATIENCE

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), self._service.expected.encode()):
            self._answer(b"", "text/plain", HTTPStatus.UNAUTHORIZED)
        elif self.path == "/v1/ping":
            self._answer(b'"ok"', "application/json")
        elif self.path == "/v1/version":
            self._answer(f'"{__version__}"'.encode(), "application/json")
        else:
            self._secret()

    @property
    def _service(self) -> _Server:
        assert isinstance(self.server, _Server)  # noqa: S101 (nobody else makes handlers)
        return self.server

    def _secret(self) -> None:
        kind, _, name = self.path.removeprefix(_PREFIX).partition("/")
        name = unquote(name)
        known = self._service.found if self.path.startswith(_PREFIX) else {}
        for (provider, each), content in known.items():
            if (provider, each) == (kind, name):
                self._answer(content, "text/plain")
                return
        self._answer(b"no such secret\n", "text/plain", HTTPStatus.NOT_FOUND)

    def _answer(self, body: bytes, media_type: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="Habitus secret service"')
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 (as the base has it)
        """Say nothing of who asks for what."""
