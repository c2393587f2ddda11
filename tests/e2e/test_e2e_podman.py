"""Podman loads what ``smidgen build`` writes, and runs it."""

from pathlib import Path

import pytest

from support.command import Smidgen
from support.examples import Examples
from support.podman import Podman
from support.serving import fetch, free_port

pytestmark = pytest.mark.e2e

_NAME = "example.com/team/app:1.0"
_COMPRESSIONS = ["gzip", "zstd", "none"]


@pytest.mark.parametrize("compression", _COMPRESSIONS)
def test_podman_loads_a_tarball_and_serves(
    smidgen: Smidgen, example: Examples, podman: Podman, tmp_path: Path, compression: str
) -> None:
    tarball = tmp_path / "web.tar"
    smidgen("build", example("web"), "-t", _NAME, "--compression", compression, "--tarball", tarball)
    assert _NAME in podman("load", "--input", tarball)
    port = free_port()
    with podman.serving("--env", f"PORT={port}", "--read-only", "--cap-drop", "all", _NAME):
        assert fetch(port, "/healthz") == '{"ok":true}'


def test_podman_loads_the_platform_of_this_machine_from_several(
    smidgen: Smidgen, example: Examples, podman: Podman, tmp_path: Path
) -> None:
    tarball = tmp_path / "zones.tar"
    smidgen("build", example("zones"), "-t", _NAME, "--platform", "linux/amd64,linux/arm64", "--tarball", tarball)
    podman("load", "--input", tarball)
    assert "14:00 CEST" in podman.run(_NAME, "Europe/Berlin")


def test_podman_pulls_a_layout(smidgen: Smidgen, example: Examples, podman: Podman, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    smidgen("build", example("user") / "app", "-t", _NAME, "--user", "appuser", "--oci-layout", layout)
    identity = podman("pull", "--quiet", f"oci:{layout}").strip()
    assert "user: appuser" in podman.run(identity)


def test_the_user_has_no_rights_of_root(smidgen: Smidgen, example: Examples, podman: Podman, tmp_path: Path) -> None:
    tarball = tmp_path / "user.tar"
    smidgen("build", example("user") / "app", "-t", _NAME, "--tarball", tarball)
    podman("load", "--input", tarball)
    assert podman("image", "inspect", "--format", "{{.Config.User}}", _NAME).strip() == "65534:65534"
    assert "(uid: 65534)" in podman.run(_NAME)


def test_podman_gets_an_image_with_load(smidgen: Smidgen, example: Examples, podman: Podman) -> None:
    smidgen("build", example("zones"), "-t", _NAME, "--load", "podman", env=podman.environment)
    assert "21:00 JST" in podman.run(_NAME, "Asia/Tokyo")
