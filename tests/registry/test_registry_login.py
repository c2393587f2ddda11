"""``smidgen login`` and ``smidgen logout``."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from support.command import Outcome
from support.registry import Registry
from support.registry_access import Access
from support.registry_login import entry, helper, write
from support.registry_wire import Server, serving

_PASSWORD = "correct-horse-4711"


@pytest.fixture(params=[True, False], ids=["bearer", "basic"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serving(Access({"me": _PASSWORD}, bearer=request.param).around(Registry())) as started:
        yield started


def smidgen(tmp_path: Path, *arguments: str, given: str = "") -> Outcome:
    environ = os.environ | {"DOCKER_CONFIG": str(tmp_path / "docker"), "HOME": str(tmp_path / "home")}
    environ["PATH"] = f"{tmp_path / 'bin'}:{environ['PATH']}"
    command = (sys.executable, "-m", "smidgen", *arguments)
    ended = subprocess.run(command, input=given, capture_output=True, text=True, env=environ, cwd=tmp_path, check=False)
    assert _PASSWORD not in ended.stdout + ended.stderr
    return Outcome(command, ended.returncode, ended.stdout, ended.stderr)


def login(tmp_path: Path, server: Server, password: str = _PASSWORD) -> Outcome:
    return smidgen(tmp_path, "login", "-u", "me", "--password-stdin", server.host, given=f"{password}\n")


def kept(tmp_path: Path) -> dict[str, object]:
    found = json.loads((tmp_path / "docker/config.json").read_text())
    assert isinstance(found, dict)
    return found


def test_in_and_out(tmp_path: Path, server: Server) -> None:
    write(tmp_path / "docker/config.json", proxies={"default": {}}, auths={"other.example": entry("a", "b")})
    outcome = login(tmp_path, server)
    assert outcome.exit_code == 0, outcome
    assert "can read it" in outcome.stderr
    other = entry("a", "b")
    assert kept(tmp_path) == {
        "proxies": {"default": {}},
        "auths": {"other.example": other, server.host: entry("me", _PASSWORD)},
    }
    assert smidgen(tmp_path, "logout", server.host).exit_code == 0
    assert kept(tmp_path) == {"proxies": {"default": {}}, "auths": {"other.example": other}}
    assert "not logged in" in smidgen(tmp_path, "logout", server.host).stderr


def test_wrong_credentials_are_not_kept(tmp_path: Path, server: Server) -> None:
    outcome = login(tmp_path, server, "wrong-secret-0815")
    assert outcome.exit_code == 1
    assert server.host in outcome.stderr
    assert "check the user name and the password" in outcome.stderr
    assert "wrong-secret-0815" not in outcome.stderr
    assert not (tmp_path / "docker/config.json").exists()


def test_a_helper_keeps_it(tmp_path: Path, server: Server) -> None:
    helper(tmp_path / "bin", "safe")
    write(tmp_path / "docker/config.json", credsStore="safe")
    outcome = login(tmp_path, server)
    assert outcome.exit_code == 0, outcome
    assert "warning" not in outcome.stderr
    assert kept(tmp_path) == {"credsStore": "safe", "auths": {server.host: {}}}
    assert json.loads((tmp_path / "bin/safe.json").read_text()) == {server.host: ["me", _PASSWORD]}
    assert smidgen(tmp_path, "logout", server.host).exit_code == 0
    assert json.loads((tmp_path / "bin/safe.json").read_text()) == {}
    assert kept(tmp_path)["auths"] == {}
    assert _PASSWORD not in (tmp_path / "bin/safe.log").read_text()


def test_what_others_keep_is_told(tmp_path: Path, server: Server) -> None:
    write(tmp_path / "home/.config/containers/auth.json", auths={server.host: entry("me", _PASSWORD)})
    outcome = smidgen(tmp_path, "logout", server.host)
    assert "still has credentials" in outcome.stderr


def test_a_registry_that_does_not_ask(tmp_path: Path) -> None:
    with serving(Registry()) as server:
        outcome = login(tmp_path, server)
    assert outcome.exit_code == 0
    assert "did not ask" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "given", "words"),
    [
        (["login", "--password-stdin", "ghcr.io"], "x", "needs --username"),
        (["login", "-u", "me", "--password-stdin", "ghcr.io"], "", "no password"),
        (["login", "-u", "me", "--password-stdin", "ghcr.io"], "a" * 70_000, "no password"),
        (["login", "-u", "a:b", "--password-stdin", "ghcr.io"], "x", "no user name"),
        (["login", "ghcr.io"], "", "no terminal"),
        (["login", "not a registry"], "", "not a registry"),
        (["logout", "ghcr.io/me/app"], "", "not a registry"),
    ],
)
def test_what_cannot_be_meant(tmp_path: Path, arguments: list[str], given: str, words: str) -> None:
    outcome = smidgen(tmp_path, *arguments, given=given)
    assert outcome.exit_code == 2, outcome
    assert words in outcome.stderr


def test_a_terminal_asks_and_does_not_show(tmp_path: Path, server: Server) -> None:
    ours, theirs = pty.openpty()
    environ = os.environ | {"DOCKER_CONFIG": str(tmp_path / "docker"), "HOME": str(tmp_path / "home")}
    with subprocess.Popen(
        [sys.executable, "-m", "smidgen", "login", server.host],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environ,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        for prompt, text in ((b"User name", "me\n"), (b"Password", f"{_PASSWORD}\n")):
            while prompt not in shown:
                shown += os.read(ours, 1000)
            os.write(ours, text.encode())
        with suppress(OSError):  # a terminal that nobody has open any more
            while piece := os.read(ours, 1000):
                shown += piece
        assert process.wait(60) == 0, shown
    os.close(ours)
    assert _PASSWORD.encode() not in shown
    assert kept(tmp_path)["auths"] == {server.host: entry("me", _PASSWORD)}
