"""``smidgen doctor`` on this machine, and on worse ones."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from support.command import Smidgen

pytestmark = pytest.mark.e2e


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=tmp_path)


def _finding(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in report["findings"] if one["name"] == name)


def test_this_machine(smidgen: Smidgen) -> None:
    report = smidgen("doctor", "--json").json
    assert report["schema"] == "smidgen.doctor/v1"
    assert report["can_build"]
    assert all(ability["can"] and not ability["because"] for ability in report["abilities"])
    for name in ("runc", "crun", "bwrap"):
        assert _finding(report, name)["said"].endswith("runs a container")
    assert "arm64" in _finding(report, "other machines")["said"]
    assert not smidgen.store.exists()


def test_for_people(smidgen: Smidgen) -> None:
    lines = smidgen("doctor").lines
    assert "+ can build Dockerfiles" in lines
    assert "containers" in lines


def test_no_store_no_builds(smidgen: Smidgen, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = smidgen("doctor", "--store", tmp_path / "file/store", fails=True)
    assert outcome.exit_code == 1
    assert "! cannot build Go programs" in outcome.stdout
    assert "no directory" in outcome.stdout


def test_runtimes_that_do_not_work(smidgen: Smidgen, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("runc", "crun", "bwrap"):
        (tools / name).write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
        (tools / name).chmod(0o755)
    go = shutil.which("go")
    assert go is not None
    outcome = smidgen("doctor", "--json", env={"PATH": f"{tools}:{os.path.dirname(go)}:/usr/bin:/bin"})
    report = outcome.json
    assert report["can_build"]
    assert {one["state"] for one in report["findings"] if one["name"] in {"runc", "crun", "bwrap"}} == {"bad"}
    dockerfiles = next(one for one in report["abilities"] if one["name"] == "build Dockerfiles")
    assert "does not work" in dockerfiles["because"]


def test_a_place_where_nothing_can_be_started(smidgen: Smidgen, tmp_path: Path) -> None:
    mounted = tmp_path / "noexec"
    mounted.mkdir()
    script = f'mount -t tmpfs -o noexec,size=2g none {mounted} && TMPDIR={mounted} exec "$@"'
    launcher = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    outcome = smidgen.through(launcher, "doctor", "--json")
    assert outcome.exit_code == 0, outcome
    assert "mounted noexec" in _finding(outcome.json, "temporary files")["said"]
    assert not next(one for one in outcome.json["abilities"] if one["name"] == "run and prove images")["can"]
