"""Pushing, pulling and copying as users who are not root, and as root without its rights."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import Outcome, run
from support.real_registries import PASSWORD, USER, RealRegistry
from support.registry import Registry
from support.registry_access import Access
from support.registry_images import published
from support.registry_wire import serving
from support.sandbox_rights import ALL, CONTAINED, Rights, public_python

pytestmark = pytest.mark.e2e


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A directory in which everybody may write."""
    with tempfile.TemporaryDirectory(prefix="smidgen-rights-") as name:
        directory = Path(name)
        directory.chmod(0o777)
        yield directory


@pytest.mark.parametrize("name", [*ALL, *CONTAINED])
def test_everything_is_done_with_any_rights(
    name: str, library: Path, everybodys: Path, tmp_path: Path, htpasswd_server: RealRegistry
) -> None:
    rights = Rights(name, library, public_python())
    bundle = everybodys / "ca.pem"
    bundle.write_bytes(htpasswd_server.bundle.read_bytes() if htpasswd_server.bundle else b"")
    environment = rights.environment(
        {
            "HOME": str(everybodys / name),
            "SMIDGEN_STORE": str(everybodys / name / "store"),
            "SSL_CERT_FILE": str(bundle),
        }
    )

    def smidgen(*arguments: str) -> Outcome:
        outcome = run(*rights.command(*arguments), cwd=everybodys, env=environment)
        assert outcome.exit_code == 0, outcome
        return outcome

    (everybodys / name).mkdir(mode=0o777)
    (everybodys / name).chmod(0o777)
    registry = Registry()
    root = published(tmp_path / "published", registry)
    with serving(Access({USER: PASSWORD}).around(registry)) as server:
        word = everybodys / "word"
        word.write_text(PASSWORD)
        word.chmod(0o644)
        for host in (server.host, htpasswd_server.host):
            login = rights.command("login", "--username", USER, "--password-stdin", host)
            outcome = run("sh", "-c", 'exec "$@" <word', "sh", *login, cwd=everybodys, env=environment)
            assert outcome.exit_code == 0, outcome
        smidgen("pull", f"{server.host}/team/app:1")
        target = f"{htpasswd_server.host}/rights-{name}/app:1"
        smidgen("push", f"{server.host}/team/app:1", target)
        smidgen("copy", f"docker://{target}", f"docker://{server.host}/team/back:1")
        assert registry.tags["team/back"]["1"] == root.digest
        assert smidgen("tags", f"{htpasswd_server.host}/rights-{name}/app").lines == ["1"]
