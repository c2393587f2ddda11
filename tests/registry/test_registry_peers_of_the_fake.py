"""Other people's clients find nothing wrong with the registry that the tests have in memory."""

import os
import re
from pathlib import Path

import pytest

from support.command import must
from support.go_tools import CRANE, go_tool
from support.registry import Habits, Registry
from support.registry_access import Access
from support.registry_wire import serving

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    "habits",
    [Habits(), Habits(relative=True, moving=True, referrers=False, mounts=False, ranges=False, page=1)],
    ids=["able", "odd"],
)
@pytest.mark.parametrize("bearer", [True, False], ids=["bearer", "basic"])
def test_crane_and_skopeo_push_pull_and_delete(tmp_path: Path, habits: Habits, *, bearer: bool) -> None:
    (tmp_path / "file").write_bytes(os.urandom(1 << 20))
    must("tar", "cf", "layer.tar", "file", cwd=tmp_path)
    crane = go_tool(CRANE)
    registry = Registry(habits)
    environment = os.environ | {"DOCKER_CONFIG": str(tmp_path / "docker")}
    with serving(Access({"user": "password"}, bearer=bearer).around(registry)) as server:
        image = f"{server.host}/team/app:1"
        must(crane, "auth", "login", server.host, "-u", "user", "-p", "password", env=environment)
        must(crane, "append", "-f", "layer.tar", "-t", image, "--oci-empty-base", cwd=tmp_path, env=environment)
        assert "PASS" in must(crane, "validate", "--remote", image, env=environment)
        must(crane, "copy", image, f"{server.host}/other:2", env=environment)
        assert len(registry.mounted) == (2 if habits.mounts else 0)
        must(crane, "tag", image, "extra", env=environment)
        assert must(crane, "ls", f"{server.host}/team/app", env=environment).split() == ["1", "extra"]
        no_tls = ("--src-tls-verify=false", "--dest-tls-verify=false", "--authfile", tmp_path / "docker/config.json")
        must("skopeo", "copy", *no_tls, f"docker://{image}", f"docker://{server.host}/third:3", env=environment)
        digest = must(crane, "digest", f"{server.host}/third:3", env=environment)
        assert re.match(r"sha256:[a-f0-9]{64}\n\Z", digest)
        must(crane, "delete", f"{server.host}/third:3", env=environment)
    assert ("third", digest.strip()) in registry.manifests
    assert registry.tags["third"] == {}
