"""Images for arm64 run, under an emulator where this machine is another one."""

import json
from pathlib import Path

import pytest

from support.command import Smidgen, must
from support.emulator import emulator, registered
from support.examples import Examples
from support.layouts import Layout
from support.podman import Podman
from support.serving import fetch, free_port

pytestmark = pytest.mark.e2e

_NAME = "example.com/team/app:1.0"


def test_an_unpacked_image_runs(smidgen: Smidgen, example: Examples, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "layout")
    smidgen("build", example("zones"), "-t", _NAME, "--platform", "linux/arm64", "--oci-layout", layout.root)
    (config,) = layout.configs()
    assert config["architecture"] == "arm64"
    must("umoci", "unpack", "--rootless", "--image", f"{layout.root}:{layout.names[0]}", tmp_path / "bundle")
    root = tmp_path / "bundle" / "rootfs"
    binary = root / config["config"]["Entrypoint"][0].lstrip("/")
    # -L leads the emulated program to the image's own zone data.
    assert "08:00 EDT" in must(emulator(), "-L", root, binary, "America/New_York")


def test_podman_serves_from_an_image_of_several_platforms(
    smidgen: Smidgen, example: Examples, podman: Podman, tmp_path: Path
) -> None:
    layout = tmp_path / "layout"
    smidgen("build", example("web"), "-t", _NAME, "--platform", "linux/amd64,linux/arm64", "--oci-layout", layout)
    with registered(tmp_path / "binfmt"):
        identity = podman("pull", "--quiet", "--platform", "linux/arm64", f"oci:{layout}").strip()
        assert json.loads(podman("image", "inspect", identity))[0]["Architecture"] == "arm64"
        port = free_port()
        with podman.serving("--env", f"PORT={port}", identity):
            assert fetch(port, "/healthz") == '{"ok":true}'
