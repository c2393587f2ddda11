"""A session with registries: requests that are authorized, repeated, redirected and mirrored as they have to be."""

import os
import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Protocol, Self

from smidgen._version import __version__
from smidgen.errors import RegistryError, RegistryUnreachable, UntrustedRegistry
from smidgen.registry.answers import harmless, refusal
from smidgen.registry.body import Body, BytesBody
from smidgen.registry.call import Call
from smidgen.registry.credentials import Credentials
from smidgen.registry.hosts import Endpoint, Hosts
from smidgen.registry.keyring import Keyring
from smidgen.registry.redact import Secrets
from smidgen.registry.repository import Repository
from smidgen.registry.response import Response
from smidgen.registry.retry import RetryPolicy, is_repeatable
from smidgen.registry.url import Url

if TYPE_CHECKING:
    from smidgen.registry.exchange import Exchange
    from smidgen.registry.servers import Server
    from smidgen.registry.tokens import Tokens
    from smidgen.registry.transport import Limits, Transport

#: Source: OCI distribution-spec v1.1.1, "Warnings".
_WARNING: Final = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r"\\(.)")
_MOST_WARNINGS: Final = 20
_MOST_RENEWALS: Final = 6
# Tokens fresh from the service that a registry may refuse, one after the other.
_MOST_REFUSALS: Final = 3


class FindsCredentials(Protocol):
    """Whoever knows the credentials of a repository."""

    def find(self, repository: Repository) -> Credentials | None:
        """Give them, or None.

        Raises:
            CredentialsError: They are kept where they cannot be got.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What a caller wants of a repository, wherever that is."""

    method: str
    path: str
    actions: tuple[str, ...]
    also: tuple[Repository, ...]
    headers: Mapping[str, str]
    body: Body | None
    expect: Collection[int]

    def scopes(self, name: str) -> frozenset[str]:
        """What has to be allowed.

        Source: distribution's "Token Scope Documentation".
        """
        own = (f"repository:{name}:{','.join(self.actions)}",) if name else ()
        return frozenset((*own, *(f"repository:{other.name}:pull" for other in self.also)))

    @property
    def reads(self) -> Literal["tag", "digest"]:
        """What a mirror would be asked for: something that may change, or that never does."""
        return "digest" if "sha256:" in self.path else "tag"


@dataclass(frozen=True, slots=True)
class _Open:
    """What a session has once it is used; only then is the HTTP library imported."""

    transport: "Transport"
    exchange: "Exchange"
    tokens: "Tokens"


class Session:
    """What one process knows of registries. May be used by many threads; closes its connections at the end."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str] | None = None,
        hosts: Hosts | None = None,
        warn: Callable[[str], None] | None = None,
        retry: RetryPolicy | None = None,
        limits: "Limits | None" = None,
        credentials: FindsCredentials | None = None,
        user_agent: str = f"smidgen/{__version__}",
    ) -> None:
        """Make a session; nothing is read or asked yet.

        Args:
            environ: The environment, without it this process's own.
            hosts: Mirrors and trust; without them what ``registries.conf`` says.
            warn: Told what the user should know.
            retry: How often what may be repeated is.
            limits: How long to wait for peers.
            credentials: Who knows them; without it the files and helpers of docker and podman.
            user_agent: Who we say that we are.
        """
        self._environ = os.environ if environ is None else environ
        self._hosts = hosts
        self._warn_user = warn or (lambda _text: None)
        self._retry = retry or RetryPolicy()
        self._limits = limits
        self._credentials = credentials or Keyring(
            self._environ, warn=self._warn_user, keepers=lambda: self._known_hosts().keepers
        )
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        self._lock = threading.Lock()
        self._open: _Open | None = None
        self._servers: dict[Endpoint, Server] = {}
        self._secrets = Secrets()
        self._warned: set[str] = set()
        self._silent_mirrors: set[str] = set()

    @property
    def retry(self) -> RetryPolicy:
        """How often what broke is tried again, for those who do it in steps of their own."""
        return self._retry

    def request(
        self,
        method: str,
        repository: Repository | str,
        path: str,
        *,
        actions: Collection[str] = ("pull",),
        also: Collection[Repository] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        expect: Collection[int] = (200,),
        mirrors: bool = False,
    ) -> Response:
        """Send a request and give its answer, if its status is one of *expect*; the caller closes it.

        Args:
            method: Of HTTP. GET, HEAD, DELETE and PUT of a manifest are sent again when that may help.
            repository: Of whom; or the host of a registry.
            path: Below ``/v2/NAME/``, such as ``manifests/latest``; or an absolute address, or one that begins with a
                slash, as the registry gave it. Credentials are sent to the registry's own server only.
            actions: What the request does in *repository*: pull, push, delete.
            also: Repositories of the same registry that it reads beside, as a mount does.
            headers: Further headers.
            body: What to send.
            expect: The statuses that are no error.
            mirrors: Whether a mirror may answer.

        Raises:
            RegistryError: No answer, or one of another status.
            UsageError: The registry is blocked, or its certificates or proxy are not usable.
            ConfigError: ``registries.conf`` says what cannot be meant.
        """
        place = Repository(repository, "") if isinstance(repository, str) else repository
        wish = _Wish(
            method=method,
            path=path,
            actions=tuple(actions),
            also=tuple(also),
            headers=headers or {},
            body=BytesBody(body) if isinstance(body, bytes) else body,
            expect=expect,
        )
        endpoints = self._known_hosts().endpoints(place, reads=wish.reads if mirrors else None)
        for endpoint in endpoints[:-1]:
            if response := self._ask_mirror(endpoint, wish):
                return response
        return self._ask(endpoints[-1], place.registry, wish)

    def is_challenged(self, registry: str) -> bool:
        """Tell whether *registry*, which was asked before, wanted to see credentials."""
        with self._lock:
            return any(one.registry == registry and one.challenge is not None for one in self._servers.values())

    def close(self) -> None:
        """Close all connections, and let nobody wait for the next try."""
        if self._open is not None:
            self._open.exchange.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask_mirror(self, endpoint: Endpoint, wish: _Wish) -> Response | None:
        """Give the mirror's answer, or None if it has none that is of use."""
        if endpoint.host in self._silent_mirrors:
            return None
        try:
            response = self._ask(endpoint, endpoint.repository.registry, wish)
        except RegistryError as error:
            if isinstance(error, RegistryUnreachable | UntrustedRegistry):
                self._silent_mirrors.add(endpoint.host)
                self._warn(f"the mirror is not asked any more: {error.message}")
            return None
        if response.status < 400:
            return response
        response.close()
        return None

    def _ask(self, endpoint: Endpoint, registry: str, wish: _Wish) -> Response:
        server = self._server(endpoint, registry)
        call = self._call(server, wish)
        scopes = wish.scopes(endpoint.repository.name)
        opened = self._opened()
        if call.url.origin != server.origin():
            response, sent = opened.exchange.send(call), None
        else:
            response, sent = self._authorized(server, call, scopes)
        if response.status in wish.expect:
            self._pass_on_warnings(registry, response)
            return response
        # Where the registry leads to other servers, they may be who refuses; their names are told too.
        shown = call.shown if response.address.origin == call.url.origin else f"{call.method} {response.address.shown}"
        error = refusal(response, registry=registry, request=shown, credentials=sent)
        error.is_final = call.is_repeatable
        raise error

    def _authorized(self, server: "Server", call: Call, scopes: frozenset[str]) -> tuple[Response, Credentials | None]:
        """Send *call* with what the server wants to see; give the answer, and the credentials that went into it."""
        credentials = self._credentials.find(server.endpoint.repository)
        if credentials is not None:
            self._secrets.add(credentials.password, credentials.identity_token, credentials.registry_token)
        if credentials is not None or call.body is not None:
            server.ping()
        tokens = self._opened().tokens
        header = self._authorization(server, call, scopes, credentials)
        refusals = renewals = 0
        while True:
            headers = {**call.headers, "Authorization": header} if header else call.headers
            with tokens.used(header):
                response = self._opened().exchange.send(replace(call, headers=headers))
                if response.status != 401 or response.address.origin != call.url.origin:
                    tokens.accepted(header)
                    is_own = response.address.origin == call.url.origin
                    return response, credentials if header and is_own else None
            server.note(response)
            refusals += bool(header) and not tokens.may_have_expired(header)
            is_refused = refusals > _MOST_REFUSALS or (refusals and not tokens.may_help(server.challenge, scopes))
            renewed = None
            if not is_refused and renewals < _MOST_RENEWALS:
                try:
                    renewed = self._authorization(server, call, scopes, credentials, refused=header, alone=renewals > 1)
                except BaseException:
                    response.close()
                    raise
            if renewed is None or renewed == header:
                return response, credentials if header else None
            response.close()
            header = renewed
            renewals += 1

    def _authorization(
        self,
        server: "Server",
        call: Call,
        scopes: frozenset[str],
        credentials: Credentials | None,
        *,
        refused: str | None = None,
        alone: bool = False,
    ) -> str | None:
        """Give the header that the server wants to see, or None if there is none."""
        from smidgen.registry.tokens import basic  # it brings the HTTP library

        if server.challenge is None:
            return None
        if credentials is not None and credentials.registry_token:
            return f"Bearer {credentials.registry_token}"
        if server.challenge.scheme == "basic":
            return basic(credentials) if credentials is not None else None
        old = (refused or "").removeprefix("Bearer ") or None
        token = self._opened().tokens.get(call, server.challenge, scopes, credentials, refused=old, alone=alone)
        return f"Bearer {token}"

    def _call(self, server: "Server", wish: _Wish) -> Call:
        origin = server.origin()
        name = server.endpoint.repository.name
        base = server.call(wish.method, Url(origin, f"/v2/{name}/" if name else "/v2/"))
        call = replace(
            base,
            headers={**base.headers, **wish.headers},
            body=wish.body,
            is_repeatable=is_repeatable(wish.method, wish.path),
        )
        if wish.path.startswith(("/", "http://", "https://")):
            return self._opened().exchange.moved(call, wish.path, "its Location leads")
        return replace(call, url=Url(origin, base.url.target + wish.path))

    def _server(self, endpoint: Endpoint, registry: str) -> "Server":
        from smidgen.registry.servers import Server  # it brings the HTTP library

        opened = self._opened()
        with self._lock:
            if endpoint not in self._servers:
                self._servers[endpoint] = Server(
                    endpoint,
                    registry=registry,
                    exchange=opened.exchange,
                    transport=opened.transport,
                    headers=self._headers,
                )
            return self._servers[endpoint]

    def _known_hosts(self) -> Hosts:
        with self._lock:
            if self._hosts is None:
                self._hosts = Hosts.read(environ=self._environ)
            return self._hosts

    def _opened(self) -> _Open:
        hosts = self._known_hosts()
        with self._lock:
            if self._open is None:
                from smidgen.registry.exchange import Exchange
                from smidgen.registry.tokens import Tokens
                from smidgen.registry.transport import Limits, Transport

                transport = Transport(environ=self._environ, limits=self._limits or Limits(), secrets=self._secrets)
                exchange = Exchange(transport, hosts, self._retry, self._warn)
                self._open = _Open(transport, exchange, Tokens(exchange))
            return self._open

    def _pass_on_warnings(self, registry: str, response: Response) -> None:
        for value in response.headers.every("warning"):
            for text in _WARNING.findall(value[:4096]):
                said = harmless(response.hide(_ESCAPED.sub(r"\1", text)))
                self._warn(f"{registry} says: {said}")

    def _warn(self, text: str) -> None:
        with self._lock:
            if text in self._warned or len(self._warned) >= _MOST_WARNINGS:
                return
            self._warned.add(text)
        self._warn_user(text)
