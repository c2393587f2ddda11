"""Who may do what in a registry: Basic, or Bearer with a token service, as the specification of tokens has it.

Source: distribution, "Token Authentication Specification" and "OAuth2 Token Authentication".
"""

import base64
import json
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from support.registry import error
from support.registry_wire import Answer, Request, Service

_NAME = re.compile(r"^/v2/(?P<name>.+?)/(?:blobs|manifests|tags|referrers)/")


@dataclass
class Token:
    """What a bearer may do.

    Attributes:
        uses: How many requests more it is good for.
    """

    grants: frozenset[tuple[str, str]]
    uses: int


@dataclass
class Access:
    """Guards a service.

    Attributes:
        accounts: User → password.
        bearer: Bearer with tokens, else Basic.
        public: Repositories that anybody may read; ``*`` for all.
        identity_tokens: Refresh token → user.
        token_uses: Requests that a token is good for; then it has expired.
        realm: Of the token service; by default at this server.
        answer_as: How the token service calls the token: ``token`` or ``access_token``.
        sign: Makes the token that grants these (repository, action) pairs; by default it is a word without a meaning.
        tokens: All that were given.
        asked: Query or form, and user, of each request for a token.
    """

    accounts: Mapping[str, str] = field(default_factory=dict)
    bearer: bool = True
    public: frozenset[str] = frozenset()
    identity_tokens: Mapping[str, str] = field(default_factory=dict)
    token_uses: int = 1 << 30
    realm: str = ""
    answer_as: str = "token"
    sign: Callable[[frozenset[tuple[str, str]]], str] | None = None
    tokens: dict[str, Token] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def around(self, service: Service) -> Service:
        """Guard *service*."""

        def guarded(request: Request) -> Answer:
            if self.bearer and request.path == "/token":
                return self.token_service(request)
            refused = self._refuse(request)
            return refused or service(request)

        return guarded

    def token_service(self, request: Request) -> Answer:
        """Give a token for the scopes that are asked for."""
        if request.method == "POST":
            form = Request("GET", f"/?{request.body.decode()}", request.headers, request.origin, request.stream, b"")
            user = self.identity_tokens.get(form.query.get("refresh_token", ""))
            user = user or self._user(form.query.get("username", ""), form.query.get("password", ""))
            scopes = [scope for key, value in form.queries if key == "scope" for scope in value.split(" ")]
            self.asked.append((request.body.decode(), user or ""))
            if user is None:
                return Answer(401, (("Content-Type", "application/json"),), b'{"error":"invalid_grant"}')
        else:
            user = self._basic(request)
            if user is None and request.headers.get("Authorization"):
                return error(401, "UNAUTHORIZED", "incorrect username or password")
            scopes = [scope for key, value in request.queries if key == "scope" for scope in value.split(" ")]
            self.asked.append((request.target, user or ""))
        grants = {grant for scope in scopes for grant in _grants(scope) if user or self._is_public(*grant)}
        text = self.sign(frozenset(grants)) if self.sign else "T-" + secrets.token_urlsafe(24)
        with self._guard:
            self.tokens[text] = Token(frozenset(grants), self.token_uses)
        body = {self.answer_as: text, "expires_in": 300, "issued_at": "2024-05-06T07:08:09Z"}
        return Answer(200, (("Content-Type", "application/json"),), json.dumps(body).encode())

    def expire(self) -> None:
        """Make every token that was given worthless."""
        with self._guard:
            for token in self.tokens.values():
                token.uses = 0

    def _refuse(self, request: Request) -> Answer | None:
        wanted = _wanted(request)
        if not self.bearer:
            if self._basic(request) or (wanted and all(self._is_public(*grant) for grant in wanted)):
                return None
            challenge = 'Basic realm="a realm, with a comma"'
            return error(401, "UNAUTHORIZED", "authentication required", ("WWW-Authenticate", challenge))
        kind, _, text = (request.headers.get("Authorization") or "").partition(" ")
        with self._guard:
            token = self.tokens.get(text) if kind.lower() == "bearer" else None
            if token is not None and token.uses > 0 and wanted <= token.grants:
                token.uses -= 1
                return None
        why = "invalid_token" if token is None or token.uses <= 0 else "insufficient_scope"
        return error(
            401,
            "UNAUTHORIZED",
            "authentication required",
            ("WWW-Authenticate", self._challenge(request, wanted, why if text else "")),
        )

    def _challenge(self, request: Request, wanted: frozenset[tuple[str, str]], why: str) -> str:
        parts = [f'Bearer realm="{self.realm or request.origin + "/token"}"', 'service="registry.test"']
        by_name: dict[str, list[str]] = {}
        for name, action in sorted(wanted):
            by_name.setdefault(name, []).append(action)
        scopes = " ".join(f"repository:{name}:{','.join(actions)}" for name, actions in by_name.items())
        return ",".join([*parts, *([f'scope="{scopes}"'] if scopes else []), *([f'error="{why}"'] if why else [])])

    def _basic(self, request: Request) -> str | None:
        kind, _, text = (request.headers.get("Authorization") or "").partition(" ")
        if kind.lower() != "basic":
            return None
        user, _, password = base64.b64decode(text).decode().partition(":")
        return self._user(user, password)

    def _user(self, user: str, password: str) -> str | None:
        return user if user and self.accounts.get(user) == password else None

    def _is_public(self, name: str, action: str) -> bool:
        return action == "pull" and bool({"*", name} & self.public)


def _grants(scope: str) -> list[tuple[str, str]]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return [(name, action) for action in actions.split(",")] if kind == "repository" else []


def _wanted(request: Request) -> frozenset[tuple[str, str]]:
    found = _NAME.match(request.path)
    if not found:
        return frozenset()
    name = found["name"]
    if request.method in {"GET", "HEAD"} and "/blobs/uploads/" not in request.path:
        return frozenset({(name, "pull")})
    if request.method == "DELETE" and "/blobs/uploads/" not in request.path:
        return frozenset({(name, "delete")})
    return frozenset({(name, "pull"), (name, "push")})
