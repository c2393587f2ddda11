"""What explains images works on those of docker, BuildKit, containerd, buildah and ko, in each form, as on our own."""

import asyncio
from pathlib import Path

import pytest

from smidgen.analyze.image.walk import read_content
from smidgen.analyze.target import opened_image
from smidgen.analyze.walk_image import WalkOptions, explain_image
from smidgen.cli.explore_screen import Explorer
from support.command import Smidgen
from support.examples import Examples
from support.foreign_images import DOCKERFILE, TARGETS, WASTED, foreign_images

pytestmark = pytest.mark.e2e

_BUDGET = "budget:\n  size: {size}\n  no_root: true\n  static: true\n"
_LAYERED = [name for name in TARGETS if not name.startswith("ko")]


def _explained(smidgen: Smidgen, target: str, *options: str) -> None:
    """Explain it down to the packages, and add up."""
    report = smidgen("explain", target, "--json", *options).json
    image = report["image"]
    layers = image["layers"]
    assert report["bytes"]["total"] == sum(layer["size"] for layer in layers)
    assert report["bytes"]["pull"] >= sum(layer["pull"] for layer in layers)
    assert not image["root"]
    files = [file for layer in layers for file in layer["files"]]
    (program,) = (file for file in files if file["path"] == image["program"])
    assert program["binary"]["go_version"].startswith("go1.")
    owners = {package["name"] for section in program["binary"]["sections"] for package in section["packages"]}
    assert {"main", "runtime", "os"} <= owners


@pytest.mark.parametrize("name", TARGETS)
def test_every_command_reads_it(smidgen: Smidgen, name: str) -> None:
    images = foreign_images()
    target = images[name]
    _explained(smidgen, target)
    history = smidgen("history", target, "--json").json["history"]
    layers = sum(step["digest"] is not None for step in history)
    assert layers == (5 if name in _LAYERED else 3)
    assert "COPY" in smidgen("history", target).stdout or name not in _LAYERED
    assert {"/bin", "/etc", "/app", "/ko-app"} & {
        file["path"] for file in smidgen("ls", f"{target}:/", "--json").json["files"]
    }
    waste = smidgen("waste", target, "--json").json
    assert waste["wasted"] == (WASTED if name in _LAYERED else 0)
    assert len(waste["layers"]) == layers
    (smidgen.cwd / "smidgen.yaml").write_text(_BUDGET.format(size="10MB"))
    assert "not root" in smidgen("check", target).stdout
    (smidgen.cwd / "smidgen.yaml").write_text(_BUDGET.format(size="1kB"))
    assert smidgen("check", target, "--against", target, fails=True).exit_code == 1
    outcome = smidgen("why", target, "os", fails=True)
    assert "smidgen why . PACKAGE" in outcome.stderr


@pytest.mark.parametrize("name", _LAYERED)
def test_layers_say_what_they_change(smidgen: Smidgen, name: str) -> None:
    listed = smidgen("ls", "--layer", "4", foreign_images()[name], "--json").json["files"]
    changes = {file["path"]: file["change"] for file in listed}
    assert changes["/srv/data/old"] == "deleted"
    (replaced,) = (
        file
        for file in smidgen("ls", "--layer", "3", foreign_images()[name], "--json").json["files"]
        if file["path"] == "/srv/data/file"
    )
    assert replaced["change"] == "changed"


@pytest.mark.parametrize("name", _LAYERED[1:])
def test_those_of_the_same_dockerfile_differ_in_no_file_with_content(smidgen: Smidgen, name: str) -> None:
    images = foreign_images()
    report = smidgen("diff", images[_LAYERED[0]], images[name], "--json").json
    # Builders leave what they mounted for RUN: directories, and files without content.
    assert all(file["before"] == file["after"] == 0 for file in report["files"])
    assert report["programs"] == []


def test_each_platform_of_an_index(smidgen: Smidgen) -> None:
    target = foreign_images()["ko, OCI layout of two platforms"]
    for platform in ("linux/amd64", "linux/arm64"):
        _explained(smidgen, target, "--platform", platform)
        assert smidgen("history", target, "--platform", platform, "--json").json["platform"] == platform
        assert smidgen("waste", target, "--platform", platform, "--json").json["platform"] == platform
    outcome = smidgen("explain", target, "--platform", "linux/s390x", fails=True)
    assert "linux/arm64" in outcome.stderr


def test_an_image_of_our_own_beside_one_of_docker(smidgen: Smidgen, example: Examples) -> None:
    smidgen("build", example("user") / "app", "-t", "own:1", "--tarball", smidgen.cwd / "own.tar")
    for target in ("own:1", "own.tar"):
        assert smidgen("explain", target, "--json").json["image"]["program"]
        assert smidgen("history", target, "--json").json["history"]
        assert smidgen("ls", f"{target}:/", "--json").json["files"]
        assert smidgen("waste", target, "--json").json["wasted"] == 0
    report = smidgen("diff", foreign_images()["docker build, docker save"], "own.tar", "--json").json
    assert report["files"]


def test_an_archive_without_a_time_says_so(smidgen: Smidgen) -> None:
    shown = smidgen("history", foreign_images()["ko, tarball"]).stdout
    assert "N/A" in shown
    assert "2025 years" not in shown


def test_the_dockerfile_can_be_linted(smidgen: Smidgen, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    report = smidgen("lint", "--no-build", "--no-hadolint", "--fail-on", "never", "--json").json
    assert report["files"]


@pytest.mark.parametrize("name", [_LAYERED[0], "ko, tarball"])
def test_it_can_be_browsed(name: str, tmp_path: Path) -> None:
    async def browse() -> None:
        with opened_image(foreign_images()[name], store=tmp_path / "store") as image:
            explorer = Explorer(image, explain_image(image, WalkOptions(binaries=False)), read_content(image))
            async with explorer.run_test(size=(160, 48)) as pilot:
                await pilot.pause()
                await pilot.press("b", "w")
                await pilot.pause()
                assert explorer.is_running

    asyncio.run(browse())
