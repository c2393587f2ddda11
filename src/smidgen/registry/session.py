"""A session with registries: requests that are authorized, repeated and redirected as they have to be."""

import base64
import os
import threading
import urllib.parse
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec

from smidgen._version import __version__
from smidgen.errors import InvalidAnswer
from smidgen.registry import auth_files
from smidgen.registry.answers import refusal
from smidgen.registry.body import Body, BytesBody
from smidgen.registry.challenge import parse_challenges
from smidgen.registry.repository import HUB, HUB_ENDPOINT, Repository
from smidgen.registry.response import Response
from smidgen.registry.url import Url

if TYPE_CHECKING:
    from smidgen.registry.transport import Transport

_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5
_TOKEN_SIZE = 64 << 10


class _Token(msgspec.Struct, frozen=True):
    token: str = ""
    access_token: str = ""


class Session:
    """What one process knows of registries. May be used by many threads; closes its connections at the end."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str] | None = None,
        warn: Callable[[str], None] | None = None,
        user_agent: str = f"smidgen/{__version__}",
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self._warn = warn
        self._user_agent = user_agent
        self._lock = threading.Lock()
        self._opened: Transport | None = None
        self._authorizations: dict[tuple[str, frozenset[str]], str] = {}

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
        mirrors: bool = False,  # noqa: ARG002
    ) -> Response:
        """Send a request and give its answer, if its status is one of *expect*.

        Args:
            method: Of HTTP.
            repository: Of whom, or the host of a registry.
            path: Below ``/v2/NAME/``, or a whole or relative address that the registry gave.
            actions: What the request does in *repository*: pull, push, delete.
            also: Repositories that it reads beside, as a mount does.
            headers: Further headers.
            body: What to send.
            expect: The statuses that are no error.
            mirrors: Whether a mirror may answer.

        Raises:
            RegistryError: No answer, or one of another status.
        """
        place = Repository(repository, "") if isinstance(repository, str) else repository
        url = self._url(place, path)
        sent = BytesBody(body) if isinstance(body, bytes) else body
        scopes = frozenset(
            [f"repository:{place.name}:{','.join(actions)}"] * bool(place.name)
            + [f"repository:{other.name}:pull" for other in also]
        )
        shown = f"{method} {url.shown}"
        response = self._follow(method, url, self._headers(headers, place, scopes), sent)
        if response.status == 401 and self._authorize(place, scopes, response):
            response.close()
            response = self._follow(method, url, self._headers(headers, place, scopes), sent)
        if response.status in expect:
            return response
        raise refusal(response, registry=place.registry, request=shown)

    def close(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _transport(self) -> "Transport":
        with self._lock:
            if self._opened is None:
                import ssl  # noqa: PLC0415

                from smidgen.registry.transport import Limits, Transport  # noqa: PLC0415

                context = ssl.create_default_context()
                self._opened = Transport(limits=Limits(), tls=lambda _origin: context)
            return self._opened

    def _url(self, place: Repository, path: str) -> Url:
        host = HUB_ENDPOINT if place.registry == HUB else place.registry
        name, _, _ = host.partition(":")
        scheme = "http" if name == "localhost" or name.startswith("127.") or host.startswith("[::1]") else "https"
        base = Url.parse(f"{scheme}://{host}/v2/{place.name}/")
        return (
            base.join(path) if path.startswith(("/", "http://", "https://")) else Url(base.origin, base.target + path)
        )

    def _headers(self, headers: Mapping[str, str] | None, place: Repository, scopes: frozenset[str]) -> dict[str, str]:
        sent = {"User-Agent": self._user_agent, **(headers or {})}
        if authorization := self._authorizations.get((place.registry, scopes)):
            sent["Authorization"] = authorization
        return sent

    def _follow(self, method: str, url: Url, headers: Mapping[str, str], body: Body | None) -> Response:
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._transport.send(method, url, headers, body)
            if response.status not in _REDIRECTS or "location" not in response.headers or method not in ("GET", "HEAD"):
                return response
            target = url.join(response.headers["location"])
            response.close()
            if target.origin != url.origin:
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
            url = target
        raise InvalidAnswer(f"{method} {url.shown}: over {_MAX_REDIRECTS} redirects")

    def _authorize(self, place: Repository, scopes: frozenset[str], response: Response) -> bool:
        known = auth_files.find(place, self._environ)
        basic = known and "Basic " + base64.b64encode(f"{known.username}:{known.password}".encode()).decode()
        for challenge in parse_challenges(response.headers.every("www-authenticate")):
            if challenge.scheme == "basic" and basic:
                self._authorizations[place.registry, scopes] = basic
                return True
            if challenge.scheme == "bearer":
                query = [("service", challenge.parameters.get("service", "")), *(("scope", s) for s in sorted(scopes))]
                realm = challenge.parameters["realm"]
                url = Url.parse(f"{realm}{'&' if '?' in realm else '?'}{urllib.parse.urlencode(query)}")
                headers = {"User-Agent": self._user_agent} | ({"Authorization": basic} if basic else {})
                with self._transport.send("GET", url, headers) as answer:
                    if answer.status != 200:
                        raise refusal(answer, registry=place.registry, request=f"GET {url.shown}")
                    token = msgspec.json.decode(answer.read(_TOKEN_SIZE), type=_Token)
                self._authorizations[place.registry, scopes] = f"Bearer {token.token or token.access_token}"
                return True
        return False
