"""A request to its final answer: sent again while that helps, redirected as far as that is safe.

Source: RFC 9110 section 15.4 (redirects); the reasons for refusing are those of "server-side request forgery".
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from smidgen.errors import LimitExceeded, RegistryUnreachable
from smidgen.registry.addresses import is_internal, is_loopback
from smidgen.registry.answers import harmless
from smidgen.registry.call import Call
from smidgen.registry.host_rules import Trust
from smidgen.registry.hosts import Hosts
from smidgen.registry.response import Headers, Response
from smidgen.registry.retry import TEMPORARY, RetryPolicy
from smidgen.registry.transport import Transport
from smidgen.registry.url import Origin, Url

_MOST_REDIRECTS: Final = 8
#: The two that say that the method stays; of the others, only those who read may go on.
_SAME_METHOD: Final = frozenset({307, 308})
_REDIRECTS: Final = frozenset({301, 302, 303}) | _SAME_METHOD
#: What is for the registry and nobody else.
_PRIVATE: Final = frozenset({"authorization", "cookie"})
#: As how many failures one counts in which nothing came at all.
_TIMEOUT: Final = 3
_WORTH_TELLING: Final = 5.0


@dataclass(frozen=True, slots=True)
class Document:
    """An answer that was read whole."""

    status: int
    headers: Headers
    data: bytes
    hide: Callable[[str], str]


class Exchange:
    """Sends calls. May be used by threads."""

    def __init__(self, transport: Transport, hosts: Hosts, retry: RetryPolicy, warn: Callable[[str], None]) -> None:
        self._transport = transport
        self._hosts = hosts
        self._retry = retry
        self._warn = warn
        self._closed = threading.Event()
        self._reached: set[Origin] = set()

    def send(self, call: Call) -> Response:
        """Give the answer to *call*, whatever its status; the caller closes it.

        Raises:
            RegistryUnreachable: No answer, as often as it was tried.
            UntrustedRegistry: TLS could not be agreed on.
            InvalidAnswer: The answer is not HTTP, or leads to where it may not.
        """
        first = call
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._send(call)
            if response.status not in _REDIRECTS or "location" not in response.headers:
                return response
            response.close()
            if call.method not in ("GET", "HEAD") and response.status not in _SAME_METHOD:
                raise call.nonsense(f"{response.status} redirects a request that is not to be redirected so")
            call = self.moved(call, response.headers["location"], f"its redirect ({response.status}) leads")
        raise first.nonsense(f"more than {_MOST_REDIRECTS} redirects")

    def fetch(self, call: Call, limit: int) -> Document:
        """Give the answer to *call* with its body.

        Raises:
            InvalidAnswer: It has more than *limit* bytes, or is compressed.
            RegistryError: As ``send``.
        """
        attempt = 0
        while True:
            attempt += 1
            with self.send(call) as response:
                encoding = response.headers.get("content-encoding", "identity").lower()
                if encoding != "identity":
                    raise call.nonsense(f"the answer is encoded as {harmless(encoding, 20)}, which was not asked for")
                try:
                    return Document(response.status, response.headers, response.read(limit), response.hide)
                except LimitExceeded as error:
                    raise call.nonsense(f"the answer is over the limit of {limit} bytes") from error
                except RegistryUnreachable as error:
                    self._wait_or_give_up(call, error, attempt)

    def moved(self, call: Call, location: str, how: str) -> Call:
        """Give *call* as *location* wants it: without secrets, if that is at another server.

        Args:
            call: What is moved.
            location: Absolute or relative.
            how: Begins the message of an error, such as ``its Location leads``.

        Raises:
            InvalidAnswer: *location* is no URL, is in a private network, or leaves TLS for plain http.
        """
        try:
            url = call.url.join(location)
        except ValueError as error:
            raise call.nonsense(f"{how} to what is no usable address: {harmless(str(error), 120)}") from error
        here, there = call.url.origin, url.origin
        if here.host == there.host and here.scheme == "https" and there.scheme == "http":
            # A registry behind a proxy that does TLS for it often believes that it is asked by http.
            return replace(call, url=url.at(here))
        if here == there:
            return replace(call, url=url)
        self.check(call, url, how)
        headers = {name: value for name, value in call.headers.items() if name.lower() not in _PRIVATE}
        return replace(call, url=url, headers=headers, trust=self._trust(call, there))

    def check(self, call: Call, url: Url, how: str) -> None:
        """Refuse to be sent by the server of *call* to where it has nothing to say.

        Raises:
            InvalidAnswer: *url* is in a private network by its address, or leaves TLS for plain http.
        """
        here, there = call.url.origin, url.origin
        if here.scheme == "https" and there.scheme == "http":
            raise call.nonsense(f"{how} to {url.shown}, from TLS to plain http")
        is_own = here.host == there.host or (is_loopback(here.host) and is_loopback(there.host))
        if is_internal(there.host) and not is_own and not self._hosts.knows(there.authority):
            raise call.nonsense(
                f"{how} to {url.shown}, an address of this machine or its network",
                hint=f"if that is right, write {there.authority} under `registries` in smidgen.yaml",
            )

    def elsewhere(self, call: Call, url: Url) -> Call:
        """Give a call to another server, such as a token service, on behalf of the same registry."""
        self.check(call, url, "its challenge leads")
        return replace(call, url=url, headers={}, body=None, trust=self._trust(call, url.origin))

    def close(self) -> None:
        """Let nobody wait any longer, and close the connections."""
        self._closed.set()
        self._transport.close()

    def _send(self, call: Call) -> Response:
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._transport.send(call)
            except RegistryUnreachable as error:
                if not call.is_repeatable or error.is_final:
                    raise
                self._wait_or_give_up(call, error, attempt)
                continue
            self._reached.add(call.url.origin)
            if response.status not in TEMPORARY or not call.is_repeatable:
                return response
            delay = self._retry.delay(attempt, response.headers.get("retry-after"))
            if delay is None:
                return response
            response.close()
            self._wait(call, delay, f"{call.place}: {response.status}")

    def _wait_or_give_up(self, call: Call, error: RegistryUnreachable, attempt: int) -> None:
        # What took its whole time already was waited for.
        delay = self._retry.delay(attempt * _TIMEOUT if isinstance(error.__cause__, TimeoutError) else attempt, None)
        # Nobody is there, and nobody was: that does not pass by waiting.
        is_hopeless = isinstance(error.__cause__, ConnectionRefusedError) and call.url.origin not in self._reached
        if delay is None or is_hopeless:
            error.is_final = True
            if is_hopeless:
                error.hint = error.hint or "check the name and the port, and that the registry runs"
            raise error
        self._wait(call, delay, error.message)

    def _wait(self, call: Call, seconds: float, reason: str) -> None:
        if seconds >= _WORTH_TELLING:
            self._warn(f"{reason}; trying again in {seconds:.0f} seconds")
        if self._closed.wait(seconds):
            raise call.error(RegistryUnreachable, "called off")

    def _trust(self, call: Call, there: Origin) -> Trust:
        """Certificates that the user gave for a registry hold for where it leads too; our own is not shown there."""
        own = self._hosts.trust(there.authority)
        if there.host == call.url.origin.host:
            return replace(own, ca_files=(*own.ca_files, *call.trust.ca_files), verified=call.trust.verified)
        return replace(own, ca_files=(*own.ca_files, *call.trust.ca_files))
