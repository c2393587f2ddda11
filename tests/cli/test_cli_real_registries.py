"""The commands with registries that other people wrote: open, with accounts, with tokens."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from support.command import Smidgen, must
from support.real_registries import REAL, RealRegistry
from support.served import Images

pytestmark = pytest.mark.e2e


def configured(smidgen: Smidgen, real: RealRegistry) -> Smidgen:
    """Give ``smidgen`` with the credentials and certificates of *real*."""
    names = ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "SSL_CERT_FILE")
    given = real.environment()
    return replace(smidgen, environ=tuple((name, given[name]) for name in names if name in given))


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("real", REAL, indirect=True)
def test_there_and_back(smidgen: Smidgen, images: Images, real: RealRegistry, crane: Path, tmp_path: Path) -> None:
    run = configured(smidgen, real)
    # Each test has repositories of its own in a registry that several share.
    own = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
    name, copied = real.reference(f"{own}/app:1"), real.reference(f"{own}/copied/app:2")
    assert run("push", "app:1.0", name).lines == [f"{name}@{images.app.digest}"]
    assert must(crane, "digest", name, env=real.environment()).strip() == images.app.digest
    assert "nothing had to travel" in run("push", "app:1.0", name).stderr
    report = run("copy", "--json", f"docker://{name}", f"docker://{copied}").json
    assert report["mounted"] + report["there"] > 0
    assert run("tags", copied.rpartition(":")[0]).lines == ["2"]
    away = replace(run, store=tmp_path / "away")
    assert away("pull", copied).lines == [f"{copied}@{images.app.digest}"]
    assert away("copy", f"docker://{copied}", "oci:layout:x").lines == [f"oci:layout:x@{images.app.digest}"]
    deleted = run("delete", f"{copied.rpartition(':')[0]}@{images.app.digest}")
    assert "and all its tags" in deleted.lines[0]
    # By its digest: not every registry takes the tags along, though all should.
    pinned = f"{copied.rpartition(':')[0]}@{images.app.digest}"
    assert "404" in replace(run, store=tmp_path / "none")("pull", pinned, fails=True).stderr


@pytest.mark.usefixtures("nobody", "images")
@pytest.mark.parametrize("real", ["open", "htpasswd"], indirect=True)
def test_a_tag_that_cannot_go_alone(smidgen: Smidgen, real: RealRegistry, tmp_path: Path) -> None:
    run = configured(smidgen, real)
    name = real.reference(f"{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}/one:1")
    run("push", "one:1.0", name)
    outcome = run("delete", name, fails=True)
    assert outcome.exit_code == 1
    assert "name the digest" in outcome.stderr


@pytest.mark.usefixtures("nobody", "images")
@pytest.mark.parametrize("real", ["htpasswd", "token"], indirect=True)
def test_who_is_not_logged_in(smidgen: Smidgen, real: RealRegistry) -> None:
    trusted = (("SSL_CERT_FILE", str(real.bundle)),)
    outcome = replace(smidgen, environ=trusted)("push", "one:1.0", real.reference("one:1"), fails=True)
    assert outcome.exit_code == 1
    assert real.host in outcome.stderr
    assert "smidgen login" in outcome.stderr
