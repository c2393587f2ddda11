"""Nothing secret is ever told: not in an error, not in a traceback, not in a file, not to another server."""

import base64
import json
import os
import stat
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from smidgen.errors import SmidgenError
from smidgen.oci.reference import Reference
from smidgen.registry.copy import copy
from smidgen.registry.pull import pull
from smidgen.registry.push import push
from smidgen.registry.session import Session
from smidgen.store.content import ContentStore
from support import faulty_registry_actions as act
from support.command import Smidgen
from support.faulty_registry import FOREVER, Action, Plan, Rule
from support.registry import Registry, error
from support.registry_access import Access
from support.registry_images import index, published
from support.registry_session import credentials, session
from support.registry_soak import leaking_files
from support.registry_wire import Answer, Request, Server, Service, serving

_USER = "torturer"
_PASSWORD = "never-to-be-seen-9d1f"
_SIGNATURE = "signed-query-4711"


@dataclass
class World:
    """A registry that wants a password, with an image, and a client that has the password.

    Attributes:
        said: All that the client said.
    """

    directory: Path
    server: Server
    access: Access
    registry: Registry
    elsewhere: Server
    said: list[str] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        return {"HOME": str(self.directory / "home"), "DOCKER_CONFIG": str(self.directory / "docker")}

    @property
    def secrets(self) -> list[str]:
        pair = f"{_USER}:{_PASSWORD}".encode()
        return [_PASSWORD, base64.b64encode(pair).decode(), _SIGNATURE, *self.access.tokens]

    def check(self) -> None:
        """Look for every secret in everything."""
        text = "\n".join(self.said)
        assert [secret for secret in self.secrets if secret in text] == []
        kept = self.directory / "docker" / "config.json"
        assert [path for path in leaking_files(self.directory, self.secrets) if path != kept] == []
        for one in self.elsewhere.log:
            assert [secret for secret in self.secrets[:2] if secret in str(one)] == []
            assert not [secret for secret in self.access.tokens if secret in str(one)]


def echo(code: int) -> Action:
    """Answer with an error that repeats the request with all its headers, as debugging proxies do."""

    def act_so(request: Request, _service: Service) -> Answer:
        said = "; ".join(f"{name}: {value}" for name, value in request.headers.items())
        decoded = ""
        if "Basic " in said:
            decoded = base64.b64decode(said.partition("Basic ")[2].partition(";")[0]).decode()
        return error(code, "UNKNOWN", f"{said} {decoded} {request.target}"[:60_000])

    return act_so


def echo_page(code: int) -> Action:
    """The same as text."""

    def act_so(request: Request, service: Service) -> Answer:
        return Answer(code, (("Content-Type", "text/plain"),), echo(code)(request, service).content)

    return act_so


_EVERY = (r".*", r"/v2/team")
_FAULTS: dict[str, Rule] = {
    "none": Rule("NEVER", "", act.drop()),
    "403": Rule(*_EVERY, act.status(403), FOREVER, header="Authorization"),
    "401 with a token": Rule(*_EVERY, act.unauthorized('Bearer realm="x"'), FOREVER, header="Authorization"),
    "an echo of the headers": Rule(*_EVERY, echo(400), FOREVER, header="Authorization"),
    "an echo as text": Rule(*_EVERY, echo_page(418), FOREVER, header="Authorization"),
    "an echo of the token service": Rule(".*", "^/token", echo(403), FOREVER),
    "an echo in a warning": Rule(
        *_EVERY,
        lambda request, service: service(request).with_header(
            "Warning", f'299 - "you sent {request.headers.get("Authorization")}"'
        ),
        FOREVER,
        header="Authorization",
    ),
    "an echo in a challenge": Rule(
        *_EVERY,
        lambda request, _service: act.unauthorized(f'Bearer realm="http://[{request.headers.get("Authorization")}/"')(
            request, _service
        ),
        FOREVER,
        header="Authorization",
    ),
    "an echo in a redirect": Rule(
        "GET",
        "/v2/team",
        lambda request, _service: Answer(
            307, (("Location", f"ftp://example.com/{request.headers.get('Authorization')}"),)
        ),
        FOREVER,
        header="Authorization",
    ),
    "an echo in a digest": Rule(
        *_EVERY,
        lambda request, service: service(request).with_header(
            "Docker-Content-Digest", str(request.headers.get("Authorization"))
        ),
        FOREVER,
        header="Authorization",
    ),
    "a signed redirect to a server that refuses": Rule("GET", "/v2/team", act.status(500), FOREVER),
    "a signed location that is refused": Rule(
        "POST", "/v2/team", act.header("Location", f"http://10.255.255.1/?sig={_SIGNATURE}"), FOREVER
    ),
    "a signed location that fails": Rule("PUT|PATCH|GET", "sig=", echo(403), FOREVER),
    "a token of nonsense": Rule("GET", "^/token", act.page(200, b'{"token": "a b\\u0000"}'), FOREVER),
    "no answer": Rule(*_EVERY, act.cut(10), FOREVER, header="Authorization"),
}


@pytest.fixture(params=[True, False], ids=["bearer", "basic"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], World]]:
    registry = Registry()
    access = Access({_USER: _PASSWORD}, bearer=request.param)
    published(tmp_path / "published", registry)
    started = []

    def signed(asked: Request, service: Service) -> Answer:
        answer = service(asked)
        location = answer.header("Location")
        return answer.with_header("Location", f"{location}?sig={_SIGNATURE}") if location else answer

    def start(name: str) -> World:
        elsewhere = serving(Registry())
        rules = [_FAULTS[name]]
        other = elsewhere.__enter__()
        started.append(elsewhere)
        if name.startswith("a signed redirect"):
            target = f"http://localhost:{other.port}/x?sig={_SIGNATURE}"
            rules = [Rule("GET", "/blobs/", act.redirect(target), FOREVER)]
        rules.append(Rule("POST|PATCH", "/blobs/uploads/", signed, FOREVER))
        for rule in rules:
            rule.seen = rule.hits = 0
        serve = serving(Plan(rules).around(access.around(registry)))
        server = serve.__enter__()
        started.append(serve)
        made = World(tmp_path, server, access, registry, other)
        credentials(tmp_path / "docker", {server.host: (_USER, _PASSWORD)})
        return made

    yield start
    for one in reversed(started):
        one.__exit__(None, None, None)


def transfer(made: World, verb: str, opened: Session) -> None:
    here = Reference.parse(f"{made.server.host}/team/app:1")
    store = ContentStore.open(made.directory / "store")
    with store.writing():
        match verb:
            case "pull":
                pull(opened, here, store)
            case "push":
                push(opened, store, index(store, seed=7), (Reference.parse(f"{here.name}:2"),))
            case _:
                copy(opened, here, (Reference.parse(f"{made.server.host}/team/other:1"),))


def told(caught: BaseException) -> Iterator[str]:
    """Give all that an error could tell, and those that it came from."""
    yield "".join(traceback.format_exception(caught))
    one: BaseException | None = caught
    while one is not None:
        yield f"{one!r} {one} {one.args} {vars(one)} {getattr(one, '__notes__', '')}"
        one = one.__cause__ or one.__context__


@pytest.mark.parametrize("verb", ["pull", "push", "copy"])
@pytest.mark.parametrize("name", _FAULTS)
def test_errors_and_files(world: Callable[[str], World], name: str, verb: str) -> None:
    made = world(name)
    with session(made.environ, warn=made.said.append) as opened:
        made.said.append(repr(opened))
        failed = None
        try:
            transfer(made, verb, opened)
        except SmidgenError as caught:
            failed = caught
            made.said += told(caught)
    assert made.server.log
    assert failed is None or name != "none"
    made.check()


_VERBS = {
    "pull": ("pull", "HOST/team/app:1"),
    "push": ("push", "app:2", "HOST/team/app:2"),
    "copy": ("copy", "docker://HOST/team/app:1", "docker://HOST/team/other:1"),
    "tags": ("tags", "HOST/team/app"),
    "delete": ("delete", "HOST/team/app:1"),
}


@pytest.mark.parametrize("verb", _VERBS)
@pytest.mark.parametrize("name", ["none", "403", "an echo of the headers", "a token of nonsense"])
def test_the_command_line_at_its_most_talkative(world: Callable[[str], World], name: str, verb: str) -> None:
    made = world(name)
    command = Smidgen(made.directory / "store", made.directory)
    store = ContentStore.open(made.directory / "store")
    with store.writing():
        store.tag(Reference.parse("app:2"), index(store, seed=7))
    arguments = [one.replace("HOST", made.server.host) for one in _VERBS[verb]]
    # Basic authentication has no tokens.
    fails = name != "none" and (made.access.bearer or "token" not in name)
    outcome = command("-vv", *arguments, fails=fails, env=made.environ)
    made.said += [outcome.stdout, outcome.stderr]
    assert not fails or made.server.host in outcome.stderr
    assert not fails or "Traceback" in outcome.stderr
    made.check()


def test_login_writes_one_file_that_others_cannot_read(world: Callable[[str], World]) -> None:
    made = world("none")
    command = Smidgen(made.directory / "store", made.directory)
    (made.directory / "docker/config.json").unlink()
    word = made.directory / "word"
    word.write_text(_PASSWORD)
    started = ["sh", "-c", 'exec "$@" <word', "sh"]
    arguments = ("login", "--username", _USER, "--password-stdin", made.server.host)
    outcome = command.through(started, "-vv", *arguments, env=made.environ)
    word.unlink()
    made.said += [outcome.stdout, outcome.stderr]
    path = made.directory / "docker/config.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_bytes())["auths"][made.server.host]
    made.check()
    command("-vv", "logout", made.server.host, env=made.environ)
    assert made.server.host not in path.read_text() if path.exists() else True


def test_a_credential_helper_gets_its_words_by_its_input(world: Callable[[str], World]) -> None:
    made = world("none")
    helper = made.directory / "bin" / "docker-credential-torture"
    helper.parent.mkdir()
    helper.write_text(
        f"""#!/bin/sh
echo "$@" "$0" >>{made.directory}/arguments
tr '\\0' ' ' </proc/$PPID/cmdline >>{made.directory}/arguments
cat >/dev/null
echo '{{"ServerURL":"","Username":"{_USER}","Secret":"'$(cat {made.directory}/secret)'"}}'
"""
    )
    helper.chmod(0o755)
    (made.directory / "secret").write_text(_PASSWORD)
    (made.directory / "docker/config.json").write_text(json.dumps({"credsStore": "torture"}))
    environ = made.environ | {"PATH": f"{helper.parent}:{os.environ['PATH']}"}
    with session(environ, warn=made.said.append) as opened:
        transfer(made, "pull", opened)
    assert "get" in (made.directory / "arguments").read_text()
    (made.directory / "secret").unlink()
    made.check()
