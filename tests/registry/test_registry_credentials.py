"""Where credentials are looked for, and in which order."""

import base64
import json
import os
from pathlib import Path

import pytest

from smidgen.errors import CredentialsError
from smidgen.registry.auth_files import HUB_KEY, change_entry
from smidgen.registry.credential_helper import CredentialHelper
from smidgen.registry.credentials import Keeper
from smidgen.registry.hosts import Hosts
from smidgen.registry.keyring import Keyring
from smidgen.registry.repository import Repository
from support.registry_login import entry, helper, write

_IMAGE = Repository("ghcr.io", "me/app")
_HUB = Repository("docker.io", "library/alpine")


def find(environ: dict[str, str], repository: Repository = _IMAGE, warnings: list[str] | None = None) -> str | None:
    said: list[str] = [] if warnings is None else warnings
    found = Keyring(environ, warn=said.append).find(repository)
    return None if found is None else found.password or found.identity_token or found.registry_token


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "HOME": str(tmp_path / "home"),
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "REGISTRY_AUTH_FILE": str(tmp_path / "named.json"),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
    }


def test_the_order_of_the_files(tmp_path: Path, environ: dict[str, str]) -> None:
    files = ["docker/config.json", "named.json", "run/containers/auth.json", "home/.config/containers/auth.json"]
    for number, name in enumerate(files):
        write(tmp_path / name, auths={"ghcr.io": entry("me", f"of-{number}")})
    for number, name in enumerate(files):
        assert find(environ) == f"of-{number}"
        (tmp_path / name).unlink()
    assert find(environ) is None


def test_docker_config_is_in_the_home_directory(tmp_path: Path) -> None:
    write(tmp_path / ".docker/config.json", auths={"ghcr.io": entry("me", "at-home")})
    assert find({"HOME": str(tmp_path)}) == "at-home"


def test_a_longer_key_counts_first(tmp_path: Path, environ: dict[str, str]) -> None:
    auths = {
        "ghcr.io": entry("me", "host"),
        "ghcr.io/me": entry("me", "owner"),
        "ghcr.io/me/app": entry("me", "repository"),
        "ghcr.io/me/ap": entry("me", "wrong"),
    }
    for want in ("repository", "owner", "host"):
        write(tmp_path / "docker/config.json", auths=auths)
        assert find(environ) == want
        del auths[{"repository": "ghcr.io/me/app", "owner": "ghcr.io/me", "host": "ghcr.io"}[want]]


@pytest.mark.parametrize("key", [HUB_KEY, "docker.io", "index.docker.io", "https://index.docker.io/v2/"])
def test_names_of_docker_hub(tmp_path: Path, environ: dict[str, str], key: str) -> None:
    write(tmp_path / "docker/config.json", auths={key: entry("me", "hub")})
    assert find(environ, _HUB) == "hub"
    assert find(environ) is None


def test_a_key_may_be_an_address(tmp_path: Path, environ: dict[str, str]) -> None:
    write(tmp_path / "docker/config.json", auths={"https://ghcr.io/v1/": entry("me", "old")})
    assert find(environ) == "old"


def test_forms_of_an_entry(tmp_path: Path, environ: dict[str, str]) -> None:
    for want, one in {
        "pass:word": {"auth": base64.b64encode(b"me:pass:word").decode()},
        "zero": {"auth": base64.b64encode(b"me:zero\0\0").decode()},
        "apart": {"username": "me", "password": "apart"},
        "refresh": {"auth": base64.b64encode(b"<token>:").decode(), "identitytoken": "refresh"},
        "bearer": {"registrytoken": "bearer"},
    }.items():
        write(tmp_path / "docker/config.json", auths={"ghcr.io": one})
        assert find(environ) == want
    write(tmp_path / "docker/config.json", auths={"ghcr.io": {}})
    assert find(environ) is None


def test_helpers_before_files(tmp_path: Path, environ: dict[str, str]) -> None:
    helper(tmp_path / "bin", "own", {"ghcr.io": ("me", "of its own")})
    helper(tmp_path / "bin", "all", {"ghcr.io": ("me", "of all"), HUB_KEY: ("me", "hub of all")})
    content: dict[str, object] = {
        "credHelpers": {"ghcr.io": "own"},
        "credsStore": "all",
        "auths": {"ghcr.io": entry("me", "plain"), "quay.io": entry("me", "plain quay")},
    }
    write(tmp_path / "docker/config.json", **content)
    assert find(environ) == "of its own"
    assert find(environ, _HUB) == "hub of all"
    # A helper that does not know a registry leaves it to the file.
    assert find(environ, Repository("quay.io", "a")) == "plain quay"
    del content["credHelpers"]
    write(tmp_path / "docker/config.json", **content)
    assert find(environ) == "of all"
    del content["credsStore"]
    write(tmp_path / "docker/config.json", **content)
    assert find(environ) == "plain"


def test_a_helper_is_asked_once(tmp_path: Path, environ: dict[str, str]) -> None:
    helper(tmp_path / "bin", "own", {"ghcr.io": ("<token>", "identity")})
    write(tmp_path / "docker/config.json", credHelpers={"ghcr.io": "own"})
    keyring = Keyring(environ, warn=pytest.fail)
    for _ in range(3):
        found = keyring.find(_IMAGE)
        assert found is not None
        assert (found.username, found.identity_token) == ("", "identity")
    assert (tmp_path / "bin/own.log").read_text().split() == ["get"]


def conf(tmp_path: Path, names: str) -> tuple[Keeper, ...]:
    """Give what a ``registries.conf`` names."""
    directory = tmp_path / "etc/containers"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "registries.conf").write_text(f"credential-helpers = [{names}]\n")
    return Hosts.read(environ={"HOME": str(tmp_path / "home")}, etc=tmp_path / "etc").keepers


@pytest.mark.parametrize(
    ("names", "secret"),
    [
        ('"pass", "containers-auth.json"', "kept"),
        ('"containers-auth.json", "pass"', "of a file"),
        ('"pass"', "kept"),
        ('"missing", "empty"', "of a file"),
    ],
)
def test_helpers_of_registries_conf(tmp_path: Path, environ: dict[str, str], names: str, secret: str) -> None:
    helper(tmp_path / "bin", "pass", {"ghcr.io": ("me", "kept"), "docker.io": ("me", "hub")})
    helper(tmp_path / "bin", "empty")
    write(tmp_path / "docker/config.json", auths={"ghcr.io": entry("me", "of a file")})
    keepers, warnings = conf(tmp_path, names), list[str]()
    keyring = Keyring(environ, warn=warnings.append, keepers=lambda: keepers)
    for _ in range(2):
        found = keyring.find(_IMAGE)
        assert found is not None
        assert found.password == secret
    hub = keyring.find(_HUB)
    assert (hub and hub.password) == ("hub" if '"pass"' in names else None)
    told = [text for text in warnings if "docker-credential-missing" in text and "registries.conf" in text]
    assert bool(told) == ('"missing"' in names)


def test_a_file_beside_it_names_other_helpers(tmp_path: Path) -> None:
    conf(tmp_path, '"one"')
    beside = tmp_path / "etc/containers/registries.conf.d"
    beside.mkdir()
    (beside / "10-rules.conf").write_text('[[registry]]\nlocation = "ghcr.io"\n')
    (beside / "20-helpers.conf").write_text('credential-helpers = ["two"]\n')
    hosts = Hosts.read(environ={"HOME": str(tmp_path / "home")}, etc=tmp_path / "etc")
    assert hosts.keepers == (Keeper("two", str(beside / "20-helpers.conf")),)
    assert [rule.prefix for rule in hosts.rules] == ["ghcr.io"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("echo broken keychain; exit 3", "broken keychain"),
        ("echo to stderr >&2; exit 3", "to stderr"),
        ("echo not-json-but-secret-4711", "not what the protocol says"),
        ('echo \'{"Username": 5, "Secret": "secret-4711"}\'', "not what the protocol says"),
        ("head -c 400000 /dev/zero", "too long"),
        ("printf '\\033]0;owned\\007'; exit 1", "\\x1b"),
    ],
)
def test_a_helper_that_fails(tmp_path: Path, environ: dict[str, str], body: str, words: str) -> None:
    helper(tmp_path / "bin", "own", body=body)
    write(tmp_path / "docker/config.json", credHelpers={"ghcr.io": "own"})
    with pytest.raises(CredentialsError) as caught:
        find(environ)
    assert words in str(caught.value)
    assert "secret-4711" not in str(caught.value)
    assert "config.json" in str(caught.value)
    # The one for all registries may fail without harm to what is public.
    write(tmp_path / "docker/config.json", credsStore="own")
    warnings: list[str] = []
    assert find(environ, warnings=warnings) is None
    assert words in warnings[0]


def test_a_helper_that_hangs(tmp_path: Path, environ: dict[str, str]) -> None:
    helper(tmp_path / "bin", "own", body="exec sleep 100")
    with pytest.raises(CredentialsError, match="did not answer within"):
        CredentialHelper("own", "config.json", environ, seconds=0.2).get("ghcr.io")


@pytest.mark.parametrize("name", ["missing", "../evil", "a b", "", "-x"])
def test_a_helper_that_is_not_there(tmp_path: Path, environ: dict[str, str], name: str) -> None:
    with pytest.raises(CredentialsError, match=r"not installed|not the name"):
        CredentialHelper(name, "config.json", environ).get("ghcr.io")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"auths": 5}', '{"auths": {"ghcr.io": "text"}}', '{"auths": {"ghcr.io": {"auth": "!"}}}']
)
def test_a_file_that_is_broken_is_named(tmp_path: Path, environ: dict[str, str], text: str) -> None:
    path = write(tmp_path / "docker/config.json")
    path.write_text(text)
    with pytest.raises(CredentialsError, match=str(path)):
        find(environ)


def test_an_empty_file_is_no_fault(tmp_path: Path, environ: dict[str, str]) -> None:
    write(tmp_path / "docker/config.json").write_text("")
    assert find(environ) is None


def test_nothing_of_a_secret_is_in_an_error(tmp_path: Path, environ: dict[str, str]) -> None:
    write(tmp_path / "docker/config.json", auths={"ghcr.io": {"auth": "c2VjcmV0NDcxMQ=="}})
    with pytest.raises(CredentialsError) as caught:
        find(environ)
    assert "secret4711" not in str(caught.value)
    assert "c2VjcmV0" not in str(caught.value)


def test_an_entry_is_changed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.json"
    assert change_entry(path, "ghcr.io", "YTpi")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.write_text('{"psFormat": "größe", "auths": {"quay.io": {"auth": "eDp5"}, "https://ghcr.io/v1/": {}}}')
    os.chmod(path, 0o644)
    assert change_entry(path, "ghcr.io", "YTpi")
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == {
        "psFormat": "größe",
        "auths": {"quay.io": {"auth": "eDp5"}, "ghcr.io": {"auth": "YTpi"}},
    }
    assert change_entry(path, "ghcr.io", None)
    assert not change_entry(path, "ghcr.io", None)
    assert sorted(os.listdir(path.parent)) == ["config.json"]


def test_a_linked_file_stays_a_link(tmp_path: Path) -> None:
    target = write(tmp_path / "dotfiles/docker.json", auths={})
    link = tmp_path / "docker/config.json"
    link.parent.mkdir()
    link.symlink_to(target)
    change_entry(link, "ghcr.io", "YTpi")
    assert link.is_symlink()
    assert "ghcr.io" in target.read_text()
