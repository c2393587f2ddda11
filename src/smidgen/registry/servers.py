"""What is known of a registry's server: by which scheme it is asked, and what it wants to see.

Plain http is for this machine, and for registries that the user calls insecure; never for anybody else.
"""

import threading
from collections.abc import Mapping
from typing import Final

from smidgen.errors import (
    InvalidAnswer,
    LimitExceeded,
    RegistryError,
    RegistryUnreachable,
    UntrustedRegistry,
    UsageError,
)
from smidgen.registry.addresses import is_loopback
from smidgen.registry.call import Call
from smidgen.registry.challenge import Challenge, parse_challenges
from smidgen.registry.exchange import Exchange
from smidgen.registry.hosts import Endpoint
from smidgen.registry.response import Response
from smidgen.registry.transport import Transport
from smidgen.registry.url import Origin, Url

_PING: Final = "/v2/"
_PAGE: Final = 4 << 10
#: In the order of preference: a token is good for less than a password.
_SCHEMES: Final = ("bearer", "basic")


class Server:
    """A server, as far as it is known. May be used by threads.

    Attributes:
        endpoint: How the user's configuration has it.
        registry: As the user calls it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        registry: str,
        exchange: Exchange,
        transport: Transport,
        headers: Mapping[str, str],
    ) -> None:
        self.endpoint = endpoint
        self.registry = registry
        self._exchange = exchange
        self._transport = transport
        self._headers = headers
        self._lock = threading.Lock()
        self._origin: Origin | None = None
        self._is_pinged = False
        self._challenge: Challenge | None = None

    @property
    def challenge(self) -> Challenge | None:
        """The way to prove who one is that the server last asked for, or None if it never did."""
        return self._challenge

    def origin(self) -> Origin:
        """Find out where the server is, once.

        Raises:
            RegistryError: It does not answer.
        """
        with self._lock:
            if self._origin is None:
                self._origin = self._locate()
            return self._origin

    def ping(self) -> None:
        """Ask what the server wants to see, once: before bodies are sent that would have to be sent again.

        Raises:
            RegistryError: It does not answer.
        """
        origin = self.origin()
        with self._lock:
            if not self._is_pinged:
                with self._exchange.send(self.call("GET", Url(origin, _PING))) as response:
                    self.note(response)
                self._is_pinged = True

    def note(self, response: Response) -> None:
        """Remember what an answer with status 401 asks for."""
        if response.status != 401:
            return
        challenges = parse_challenges(response.headers.every("www-authenticate"))
        known = [one for scheme in _SCHEMES for one in challenges if one.scheme == scheme]
        # A bearer's challenge without a realm leads nowhere, but there may be another beside it.
        usable = [one for one in known if one.scheme != "bearer" or one.parameters.get("realm")]
        self._challenge = next(iter(usable or known), None)

    def call(self, method: str, url: Url) -> Call:
        """Make a call to the server, with nothing secret in it yet."""
        return Call(method=method, url=url, registry=self.registry, headers=self._headers, trust=self.endpoint.trust)

    def _locate(self) -> Origin:
        try:
            secure = Url.parse(f"https://{self.endpoint.host}/").origin
            plain = Url.parse(f"http://{self.endpoint.host}/").origin
        except ValueError as error:
            raise UsageError(f"{self.registry} is not the address of a registry: {error}") from error
        if self.endpoint.insecure:
            return self._try_secure(secure, plain)
        return self._try_plain(secure, plain) if is_loopback(secure.host) else secure

    def _try_secure(self, secure: Origin, plain: Origin) -> Origin:
        """TLS if the server has it, whatever its certificate; else plain http."""
        try:
            self._probe(secure)
        except (UntrustedRegistry, RegistryUnreachable) as error:
            try:
                self._probe(plain)
            except RegistryError:
                raise (_nobody(error) if isinstance(error.__cause__, ConnectionRefusedError) else error) from None
            return plain
        return secure

    def _try_plain(self, secure: Origin, plain: Origin) -> Origin:
        """Plain http unless the server wants TLS. The first request has no secret in it.

        Servers of Go's, nginx and others say so with status 400; some close the connection, as a fault would too.
        """
        try:
            is_tls = self._probe(plain)
        except (InvalidAnswer, RegistryUnreachable) as error:
            if isinstance(error.__cause__, ConnectionRefusedError):
                raise _nobody(error) from error.__cause__
            try:
                self._probe(secure)
            except UntrustedRegistry as fault:
                if "certificate" in fault.message:
                    return secure
                return plain
            except RegistryError:
                return plain
            return secure
        return secure if is_tls else plain

    def _probe(self, origin: Origin) -> bool:
        """Ask at *origin*; tells whether it says that it wants TLS."""
        with self._transport.send(self.call("GET", Url(origin, _PING))) as response:
            if response.status in (200, 401):
                self.note(response)
                self._is_pinged = True
            if response.status != 400:
                return False
            try:
                return b"HTTPS" in response.read(_PAGE)
            except (RegistryError, LimitExceeded):
                return False


def _nobody(error: RegistryError) -> RegistryError:
    """Say of a refused connection that it does not pass by waiting."""
    error.is_final = True
    error.hint = error.hint or "check the name and the port, and that the registry runs"
    return error
