"""Tokens: which are asked for, how, and how long they are kept."""

import json
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from smidgen.errors import AccessDenied
from smidgen.registry.hosts import Hosts
from smidgen.registry.repository import Repository
from smidgen.registry.session import Session
from support.registry_login import entry, write
from support.registry_session import LIMITS, RETRY
from support.registry_wire import Answer, Request, Server, serving


@dataclass
class Realm:
    """A registry that takes the newest token only, and its token service.

    Attributes:
        asked: Method and form or query of each request for a token.
        scope: What the registry's challenge asks for, after what is asked of it.
        posts: Whether the token service knows POST.
        life: For ``expires_in``, or None to leave it out.
    """

    scope: str = ""
    posts: bool = True
    life: object = 300
    asked: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    log: list[tuple[str, str, str]] = field(default_factory=list)

    def __call__(self, request: Request) -> Answer:
        authorization = request.headers.get("Authorization") or ""
        self.log.append((request.method, request.path, authorization))
        if request.path != "/token":
            if authorization.removeprefix("Bearer ") in self.valid:
                return Answer(200)
            challenge = f'Bearer realm="{request.origin}/token?a=b",service="s",scope="{self.scope}"'
            return Answer(401, (("WWW-Authenticate", challenge),))
        if request.method == "POST" and not self.posts:
            return Answer(404)
        query = request.target.partition("?")[2] if request.method == "GET" else request.body.decode()
        self.asked.append((request.method, urllib.parse.parse_qsl(query)))
        token = f"token-{len(self.asked)}"
        self.valid = {token}
        answer = {"access_token": token} | ({} if self.life is None else {"expires_in": self.life})
        return Answer(200, (), json.dumps(answer).encode())

    def scopes(self, at: int = -1) -> list[str]:
        return [value for name, value in self.asked[at][1] if name == "scope"]


@pytest.fixture
def realm() -> Realm:
    return Realm()


@pytest.fixture
def ask(realm: Realm, tmp_path: Path) -> Callable[..., Server]:
    """Ask once, or as often as there are calls, in one session with the given entry of ``auths``."""

    def run(*calls: Callable[[Session, Repository], None], account: dict[str, str] | None = None) -> Server:
        with serving(realm) as server:
            write(tmp_path / "config.json", auths={server.host: account} if account else {})
            environ = {"HOME": "/nonexistent", "DOCKER_CONFIG": str(tmp_path)}
            with Session(environ=environ, hosts=Hosts(), limits=LIMITS, retry=RETRY) as session:
                for call in calls:
                    call(session, Repository(server.host, "team/app"))
        return server

    return run


def get(session: Session, place: Repository) -> None:
    session.request("GET", place, "manifests/1").close()


def push(session: Session, place: Repository) -> None:
    other = Repository(place.registry, "team/base")
    session.request("PUT", place, "manifests/1", actions=("pull", "push"), also=(other,), body=b"{}").close()


def test_one_token_for_the_same_and_another_for_more(realm: Realm, ask: Callable[..., Server]) -> None:
    ask(get, get, get)
    assert [realm.scopes(at) for at in range(len(realm.asked))] == [["repository:team/app:pull"]]
    method, query = realm.asked[0]
    assert (method, query[:2]) == ("GET", [("a", "b"), ("service", "s")])


def test_a_mount_reads_the_other_repository(realm: Realm, ask: Callable[..., Server]) -> None:
    ask(push)
    assert realm.scopes() == ["repository:team/app:pull,push", "repository:team/base:pull"]


def test_what_the_registry_wants_beside_comes_first_and_stays(realm: Realm, ask: Callable[..., Server]) -> None:
    realm.scope = "repository:other/thing:pull repository:team/app:pull"
    ask(get, lambda _session, _place: realm.valid.clear(), get)
    assert [realm.scopes(at) for at in range(len(realm.asked))] == [
        ["repository:other/thing:pull", "repository:team/app:pull"]
    ] * 2


def test_bodies_are_not_sent_in_vain(realm: Realm, ask: Callable[..., Server]) -> None:
    ask(push)
    assert [(method, bool(authorization)) for method, path, authorization in realm.log if path != "/token"] == [
        ("GET", False),
        ("PUT", True),
    ]


@pytest.mark.parametrize(("life", "tokens"), [(300, 1), (None, 1), (0, 2), (-5, 2), (1e300, 1)])
def test_a_token_is_kept_as_long_as_it_is_good(
    realm: Realm, ask: Callable[..., Server], life: object, tokens: int
) -> None:
    realm.life = life
    ask(get, get)
    assert len(realm.asked) == tokens
    # One that is known to have expired is not even tried.
    assert [bool(authorization) for method, path, authorization in realm.log if path != "/token"].count(False) == 1


def test_an_identity_token(realm: Realm, ask: Callable[..., Server]) -> None:
    ask(get, account={"identitytoken": "refresh-4711"})
    method, form = realm.asked[0]
    assert (method, dict(form)) == (
        "POST",
        {
            "grant_type": "refresh_token",
            "service": "s",
            "client_id": "smidgen",
            "scope": "repository:team/app:pull",
            "refresh_token": "refresh-4711",
        },
    )


def test_an_identity_token_where_post_is_not_known(realm: Realm, ask: Callable[..., Server]) -> None:
    realm.posts = False
    ask(get, account={"identitytoken": "refresh-4711"})
    assert realm.asked[0][0] == "GET"
    sent = [authorization for method, path, authorization in realm.log if (method, path) == ("GET", "/token")]
    assert sent == ["Basic PHRva2VuPjpyZWZyZXNoLTQ3MTE="]


def test_a_registry_token_is_the_token(realm: Realm, ask: Callable[..., Server]) -> None:
    realm.valid = {"ready-4711"}
    ask(get, account={"registrytoken": "ready-4711"})
    assert not realm.asked
    realm.valid = {"another"}
    with pytest.raises(AccessDenied):
        ask(get, account={"registrytoken": "ready-4711"})
    assert not realm.asked


def test_the_name_is_told_to_the_token_service(realm: Realm, ask: Callable[..., Server]) -> None:
    ask(get, account=entry("me", "word"))
    assert ("account", "me") in realm.asked[0][1]
    assert [one[2] for one in realm.log if one[1] == "/token"] == ["Basic bWU6d29yZA=="]
