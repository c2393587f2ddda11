"""Programs with C for machines that are neither amd64 nor arm64: built here, and right where they run."""

import re
import shutil
from pathlib import Path

import pytest

from support.cgo_programs import SOURCES, c_environment
from support.command import Smidgen
from support.name_server import in_own_network

pytestmark = pytest.mark.e2e


def _smidgen(platform: str, tmp_path: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=tmp_path, environ=tuple(c_environment(platform).items()))


@pytest.mark.parametrize("platform", ["386", "arm/v7", "loong64", "ppc64le", "riscv64", "s390x"])
def test_c_is_compiled_for_other_machines(platform: str, tmp_path: Path) -> None:
    """Users and hosts, threads with variables of their own, and numbers, as the C library of each machine has them."""
    smidgen = _smidgen(platform, tmp_path)
    options = ("--platform", f"linux/{platform}", "--with", "passwd")
    built = smidgen("build", "--cgo", *options, "./anywhere", cwd=SOURCES)
    # Without arguments it ends with a panic of Go's.
    assert re.search(rf"proved: .* starts on linux/{platform} .* exit code 2", built.stderr), built
    found = smidgen.through(in_own_network("db.test", "192.0.2.7"), "run", "anywhere", "nobody", "db.test")
    assert found.stderr.endswith("65534 192.0.2.7 82 1414213562\n"), found


def test_without_an_emulator_it_is_said_that_nothing_was_proved(tmp_path: Path) -> None:
    smidgen = _smidgen("s390x", tmp_path)
    place = tmp_path / "bin"
    place.mkdir()
    for name in ("go", "git", "runc", "sh", "mount", "unshare"):
        (place / name).symlink_to(shutil.which(name) or name)
    options = ("--platform", "linux/s390x", "./anywhere")
    built = smidgen("build", "--cgo", *options, cwd=SOURCES, env={"PATH": str(place)})
    # Where the kernel has an emulator of its own, none is sought.
    unproved = r"not proved for linux/s390x: .* no emulator was found \(install qemu-user-static"
    assert re.search(rf"{unproved}|proved: .* starts on linux/s390x", built.stderr), built


def test_what_cannot_be_compiled_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    smidgen = _smidgen("amd64", tmp_path)
    options = ("--platform", "linux/amd64,linux/ppc64")
    refused = smidgen("build", "--cgo", *options, "./anywhere", cwd=SOURCES, fails=True)
    assert "linux/ppc64': Go cannot link C into programs for it" in refused.stderr, refused
    assert "hint: leave --cgo out" in refused.stderr, refused
    assert "compil" not in refused.stderr.partition("hint:")[0], refused
