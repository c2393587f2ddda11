"""Bearer tokens: asked for at a registry's token service, kept while they are good.

Source: distribution's "Token Authentication Specification" and "OAuth2 Token Authentication".
"""

import re
import threading
import time
import urllib.parse
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from smidgen.registry.answers import explain
from smidgen.registry.body import BytesBody
from smidgen.registry.call import Call
from smidgen.registry.challenge import Challenge
from smidgen.registry.credentials import Credentials
from smidgen.registry.exchange import Document, Exchange
from smidgen.registry.url import Origin, Url

_MOST: Final = 64 << 10
_CLIENT: Final = "smidgen"
_MOST_KNOWN: Final = 10_000
_DEFAULT_LIFE: Final = 60.0
_LONGEST_LIFE: Final = 86400.0
_TOKEN = re.compile(r"^[\x21-\x7e]+\Z")


class _Answer(msgspec.Struct, frozen=True):
    token: str | None = None
    access_token: str | None = None
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    value: str = field(repr=False)
    until: float


_Key = tuple[Origin, frozenset[str]]


class Tokens:
    """Gets tokens, and keeps each while it is good. May be used by threads: they wait for one another's."""

    def __init__(self, exchange: Exchange, clock: Callable[[], float] = time.monotonic) -> None:
        self._exchange = exchange
        self._clock = clock
        self._kept: dict[_Key, _Kept] = {}
        self._first: dict[_Key, tuple[str, ...]] = {}
        self._locks: dict[_Key, threading.Lock] = {}
        self._lock = threading.Lock()
        self._good: set[str] = set()
        self._used: Counter[str] = Counter()

    def get(
        self,
        call: Call,
        challenge: Challenge,
        scopes: frozenset[str],
        credentials: Credentials | None,
        *,
        refused: str | None = None,
        alone: bool = False,
    ) -> str:
        """Give a token for *scopes*.

        Args:
            call: The request that is to be authorized.
            challenge: Names the token service; its scopes are asked for first.
            scopes: What the request needs.
            credentials: Of the user, or None to be nobody.
            refused: A token that the registry refused, so that another is wanted.
            alone: Whether no other request may have it too: some services give tokens that are good for one request.

        Raises:
            AccessDenied: The token service does not know the user.
            InvalidAnswer: Its answer is no token, or it is where no token service may be.
            RegistryError: It does not answer.
        """
        key = (call.url.origin, scopes)
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            kept = None if alone else self._kept.get(key)
            if kept is not None and kept.value != refused and self._clock() < kept.until:
                return kept.value
            wanted = challenge.parameters.get("scope", "").split()
            new = tuple(scope for scope in wanted if not _is_covered(scope, scopes))
            first = tuple(dict.fromkeys((*new, *self._first.get(key, ()))))
            self._first[key] = first
            kept = self._fetch(call, challenge, (*first, *sorted(scopes)), credentials)
            if not alone:
                self._kept[key] = kept
            return kept.value

    @contextmanager
    def used(self, header: str | None) -> Iterator[None]:
        """Count *header* as one that a request is under way with."""
        with self._lock:
            self._used[header or ""] += 1
        try:
            yield
        finally:
            with self._lock:
                self._used[header or ""] -= 1

    def accepted(self, header: str | None) -> None:
        """Remember that a registry took *header*."""
        if header and len(self._good) < _MOST_KNOWN:
            self._good.add(header)

    def may_have_expired(self, header: str | None) -> bool:
        """Tell whether a refused *header* was good once, or may have been used up by a request beside this one."""
        with self._lock:
            return header in self._good or self._used[header or ""] > 0

    def may_help(self, challenge: Challenge | None, scopes: frozenset[str]) -> bool:
        """Tell whether another token may be taken where a fresh one was refused.

        It may where *challenge* asks for a scope beside *scopes*, and where it calls the token invalid: of several
        servers behind one name, some learn of new tokens, and of time, later than others.
        """
        parameters = {} if challenge is None else challenge.parameters
        if parameters.get("error") == "invalid_token":
            return True
        return any(not _is_covered(scope, scopes) for scope in parameters.get("scope", "").split())

    def _fetch(self, call: Call, challenge: Challenge, scopes: Sequence[str], credentials: Credentials | None) -> _Kept:
        try:
            realm = Url.parse(challenge.parameters.get("realm", ""))
        except ValueError as error:
            raise call.nonsense(f"its token service is at no usable address: {error}") from error
        asking = replace(self._exchange.elsewhere(call, realm), is_repeatable=True)
        agent = {"User-Agent": call.headers.get("User-Agent", _CLIENT), "Accept-Encoding": "identity"}
        service = challenge.parameters.get("service", "")
        begun = self._clock()
        document = None
        if credentials is not None and credentials.identity_token:
            document = self._post(replace(asking, method="POST", headers=agent), service, scopes, credentials)
        if document is None:
            document = self._get(replace(asking, method="GET", headers=agent), service, scopes, credentials)
        return self._read(asking, document, credentials, begun)

    def _post(self, call: Call, service: str, scopes: Sequence[str], credentials: Credentials) -> Document | None:
        """Ask as OAuth 2 has it; None where the service does not know that way."""
        form = {
            "grant_type": "refresh_token",
            "service": service,
            "client_id": _CLIENT,
            "scope": " ".join(scopes),
            "refresh_token": credentials.identity_token,
        }
        headers = {**call.headers, "Content-Type": "application/x-www-form-urlencoded"}
        body = BytesBody(urllib.parse.urlencode(form).encode())
        document = self._exchange.fetch(replace(call, headers=headers, body=body), _MOST)
        return None if document.status in (404, 405) else document

    def _get(self, call: Call, service: str, scopes: Sequence[str], credentials: Credentials | None) -> Document:
        query = [("service", service)] if service else []
        headers = dict(call.headers)
        if credentials is not None:
            query += [("account", credentials.username)] if credentials.username else []
            headers["Authorization"] = basic(credentials)
        query += [("scope", scope) for scope in scopes]
        # Colons and slashes stay, as everybody sends them so, and some services compare texts.
        text = urllib.parse.urlencode(query, safe=":/,")
        target = call.url.target
        joint = "" if not text else "&" if "?" in target else "?"
        url = replace(call.url, target=f"{target}{joint}{text}")
        return self._exchange.fetch(replace(call, url=url, headers=headers), _MOST)

    def _read(self, call: Call, document: Document, credentials: Credentials | None, begun: float) -> _Kept:
        if document.status != 200:
            raise explain(
                document.status,
                document.data,
                document.headers,
                registry=call.registry,
                request=call.shown,
                credentials=credentials,
                hide=document.hide,
            )
        try:
            answer = msgspec.json.decode(document.data, type=_Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise call.nonsense("the answer is no token") from None
        value = answer.token or answer.access_token or ""
        if not _TOKEN.match(value):
            raise call.nonsense("the answer holds no usable token")
        life = _DEFAULT_LIFE if answer.expires_in is None else max(0.0, min(answer.expires_in, _LONGEST_LIFE))
        return _Kept(value, begun + life * 0.9)


def basic(credentials: Credentials) -> str:
    """Give the header ``Authorization`` of the scheme Basic."""
    secret = credentials.password or credentials.identity_token
    user = credentials.username or ("<token>" if credentials.identity_token else "")
    return "Basic " + b64encode(f"{user}:{secret}".encode()).decode()


def _is_covered(scope: str, by: frozenset[str]) -> bool:
    resource, _, actions = scope.rpartition(":")
    wanted = set(actions.split(","))
    for one in by:
        own, _, allowed = one.rpartition(":")
        if own == resource and wanted <= set(allowed.split(",")):
            return True
    return False
