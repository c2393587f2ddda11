"""Challenges and token services that fail, lie or fish for passwords."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from smidgen.errors import AccessDenied, SmidgenError
from smidgen.oci.reference import Reference
from smidgen.registry.repository import Repository
from smidgen.registry.session import Session
from support import faulty_registry_actions as act
from support.faulty_registry import FOREVER, Action, Plan, Rule
from support.registry import Registry
from support.registry_access import Access
from support.registry_images import published
from support.registry_session import IMPATIENT, LIMITS, credentials, session
from support.registry_wire import Answer, Request, Server, serving

_USER, _PASSWORD = "torturer", "never-to-be-seen-9d1f"


def ask(opened: Session, server: Server) -> int:
    repository = Repository.of(Reference.parse(f"{server.host}/team/app:1"))
    with opened.request("GET", repository, "manifests/1") as response:
        return len(response.read(1 << 20))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry()
    published(tmp_path / "source", made)
    return made


@pytest.fixture
def access() -> Access:
    return Access({_USER: _PASSWORD})


def environ(directory: Path, server: Server) -> dict[str, str]:
    return credentials(directory / "docker", {server.host: (_USER, _PASSWORD)})


_TOKEN = r"^/token"


@pytest.mark.parametrize(
    "action",
    [
        act.status(429, retry_after="0"),
        act.status(500),
        act.page(502),
        act.status(503, retry_after="1"),
        act.drop(),
        act.drop(reset=False),
        act.cut(30),
        act.cut_body(10),
        act.chunked(),
        act.unmeasured(),
    ],
)
def test_a_token_service_that_recovers(tmp_path: Path, registry: Registry, access: Access, action: Action) -> None:
    plan = Plan([Rule("GET|POST", _TOKEN, action, 2)])
    with serving(plan.around(access.around(registry))) as server, session(environ(tmp_path, server)) as opened:
        assert ask(opened, server)
    assert plan.hits


@pytest.mark.parametrize("name", ["token", "access_token"])
def test_both_names_of_a_token(tmp_path: Path, registry: Registry, access: Access, name: str) -> None:
    access.answer_as = name
    with serving(access.around(registry)) as server, session(environ(tmp_path, server)) as opened:
        assert ask(opened, server)


def test_an_identity_token_is_not_sent_as_a_password(tmp_path: Path, registry: Registry, access: Access) -> None:
    access.identity_tokens = {"refresh-me-0815": _USER}
    with serving(access.around(registry)) as server:
        directory = tmp_path / "docker"
        directory.mkdir()
        entry = {"auth": "PHRva2VuPjo=", "identitytoken": "refresh-me-0815"}
        (directory / "config.json").write_text(json.dumps({"auths": {server.host: entry}}))
        with session({"DOCKER_CONFIG": str(directory)}) as opened:
            assert ask(opened, server)
        assert [one.method for one in server.asked(part="/token")] == ["POST"]
        assert all("refresh-me-0815" not in one.target for one in server.log)


def _answer(body: bytes) -> Action:
    return lambda _request, _service: Answer(200, (("Content-Type", "application/json"),), body)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        pytest.param(act.flood(10 << 30, content_type="application/json", start=b'{"token":"'), "limit", id="10 GB"),
        pytest.param(
            act.flood(10 << 30, content_type="application/json", measured=True), "limit", id="10 GB that are announced"
        ),
        pytest.param(act.squeezed(200 << 20, "application/json"), "gzip", id="200 MB in a few kB"),
        pytest.param(act.page(200), "token", id="an HTML page"),
        pytest.param(_answer(b"{}"), "token", id="no token"),
        pytest.param(_answer(b'{"token":""}'), "token", id="an empty token"),
        pytest.param(_answer(b'{"token":7}'), "token", id="a token that is a number"),
        pytest.param(_answer(b'{"token":null,"access_token":null}'), "token", id="null"),
        pytest.param(_answer(b'{"token":"a\\r\\nX-Evil: 1"}'), "token", id="a token with a header in it"),
        pytest.param(_answer('{"token":"gr\u00fc\u00df"}'.encode()), "token", id="a token that is not ASCII"),
        pytest.param(_answer(b"[" * 60000), "token", id="depth"),
        pytest.param(act.status(401, reason="UNAUTHORIZED", message="wrong password"), "wrong password", id="401"),
        pytest.param(act.status(403, reason="DENIED", message="blocked"), "blocked", id="403"),
        pytest.param(act.redirect("http://169.254.169.254/"), "169.254.169.254", id="a redirect to a cloud's secrets"),
        pytest.param(act.loop(), "redirect", id="a loop"),
        pytest.param(act.stall(20), "time", id="a stall"),
    ],
)
def test_a_token_service_that_is_of_no_use(
    tmp_path: Path, registry: Registry, access: Access, action: Action, words: str
) -> None:
    plan = Plan([Rule("GET|POST", _TOKEN, action, FOREVER)])
    # A service that stalls is asked again and again.
    limits = replace(IMPATIENT, transfer=0.3) if words == "time" else LIMITS
    with serving(plan.around(access.around(registry))) as server:
        with session(environ(tmp_path, server), limits=limits) as opened, pytest.raises(SmidgenError) as caught:
            ask(opened, server)
        assert server.host in str(caught.value)
    assert words in str(caught.value).lower()
    assert _PASSWORD not in repr(caught.value.__dict__) + str(caught.value)


def _challenged(registry: Registry, access: Access, *challenges: str) -> Plan:
    """Replace the challenges of a registry; ``@`` is its own address."""

    def act_so(request: Request, service: object) -> Answer:
        answer = access.around(registry)(request)
        if answer.status != 401 or request.path == "/token":
            return answer
        return answer.with_header("WWW-Authenticate", *(one.replace("@", request.origin) for one in challenges))

    return Plan([Rule(".*", "", act_so, FOREVER)])


_SCOPE = 'service="registry.test",scope="repository:team/app:pull"'


@pytest.mark.parametrize(
    "challenges",
    [
        [f'bearer REALM="@/token",{_SCOPE}'],
        [f'BEARER   realm="@/token" , {_SCOPE}'],
        [f"Bearer realm=@/token,{_SCOPE.replace(chr(34), '')}"],
        ['Basic realm="other"', f'Bearer realm="@/token",{_SCOPE}'],
        [f'Basic realm="other, Bearer realm=x", Bearer realm="@/token",{_SCOPE}'],
        [f'Negotiate, Bearer realm="@/token",{_SCOPE}'],
        [f'Digest qop="auth", nonce="a,b=c", Bearer realm="@/token",{_SCOPE}'],
        [f',, Bearer realm="@/token",,{_SCOPE},'],
        ['Bearer realm="@/token"'],
        ['Bearer realm="@/token?account=x",service="registry.test"'],
    ],
)
def test_odd_challenges(tmp_path: Path, registry: Registry, access: Access, challenges: list[str]) -> None:
    with (
        serving(_challenged(registry, access, *challenges).around(registry)) as server,
        session(environ(tmp_path, server)) as opened,
    ):
        assert ask(opened, server)


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer realm="http://10.255.255.1/token",service="x"',
        'Bearer realm="http://169.254.169.254/latest/meta-data",service="x"',
        'Bearer realm="http://[fe80::1]/token",service="x"',
        'Bearer realm="http://2130706433:1/token",service="x"',
        'Bearer realm="file:///etc/passwd",service="x"',
        'Bearer realm="ftp://example.com/",service="x"',
        'Bearer realm="",service="x"',
        'Bearer service="x"',
        'Bearer realm="http://user:pass@127.0.0.1/token"',
        "Bearer",
        "Negotiate",
        "",
        "\x1b]0;owned\x07",
        'Bearer realm="' + "x" * 60_000 + '"',
        'Bearer realm="http://[::"',
    ],
)
def test_challenges_that_lead_nowhere(tmp_path: Path, registry: Registry, access: Access, challenge: str) -> None:
    with (
        serving(_challenged(registry, access, challenge).around(registry)) as server,
        session(environ(tmp_path, server)) as opened,
    ):
        with pytest.raises(SmidgenError) as caught:
            ask(opened, server)
        assert server.host in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000
    assert _PASSWORD not in str(caught.value)


def test_a_wrong_password_is_told_once(tmp_path: Path, registry: Registry) -> None:
    with serving(Access({_USER: "another"}).around(registry)) as server, session(environ(tmp_path, server)) as opened:
        with pytest.raises(AccessDenied) as caught:
            ask(opened, server)
        # A service that counts wrong passwords must not lock the account.
        assert len(server.asked(part="/token")) == 1
    assert "login" in str(caught.value.hint)


@pytest.mark.parametrize("bearer", [True, False])
def test_nobody_without_credentials(registry: Registry, *, bearer: bool) -> None:
    with (
        serving(Access({_USER: _PASSWORD}, bearer=bearer).around(registry)) as server,
        session() as opened,
        pytest.raises(AccessDenied) as caught,
    ):
        ask(opened, server)
    assert f"smidgen login {server.host}" in str(caught.value.hint)


@pytest.mark.parametrize("bearer", [True, False])
def test_a_redirect_gets_no_credentials(tmp_path: Path, registry: Registry, access: Access, *, bearer: bool) -> None:
    access.bearer = bearer
    with serving(registry) as elsewhere:
        # By name: a redirect to a private address would be refused, and rightly.
        target = f"http://localhost:{elsewhere.port}/"
        plan = Plan([Rule("GET", "/manifests/", act.redirect(target), 9, header="Authorization")])
        with serving(plan.around(access.around(registry))) as server, session(environ(tmp_path, server)) as opened:
            assert ask(opened, server)
        assert elsewhere.log
        secrets = {name.lower() for one in elsewhere.log for name, _ in one.headers}
        assert not secrets & {"authorization", "cookie", "proxy-authorization"}


def test_a_redirect_and_back_asks_nobody_else_for_credentials(
    tmp_path: Path, registry: Registry, access: Access
) -> None:
    """The other server demands a password; ours is not for it, though it is of the same session."""
    asked = Access({_USER: _PASSWORD}, bearer=False)
    with serving(asked.around(registry)) as elsewhere:
        plan = Plan([Rule("GET", "/manifests/", act.redirect(f"http://localhost:{elsewhere.port}/"), FOREVER)])
        with (
            serving(plan.around(registry)) as server,
            session(environ(tmp_path, server)) as opened,
            pytest.raises(SmidgenError),
        ):
            ask(opened, server)
        assert all(one.header("Authorization") is None for one in elsewhere.log)
