"""Libraries that a distribution compiled, and programs with C at a version of a module."""

from pathlib import Path

import pytest

from support.cgo_programs import SOURCES, c_environment
from support.command import Smidgen
from support.debian_libraries import debian_libraries

pytestmark = pytest.mark.e2e


def _smidgen(architecture: str, tmp_path: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=tmp_path, environ=tuple(c_environment(architecture).items()))


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_libraries_of_debian_are_linked_and_work(architecture: str, tmp_path: Path) -> None:
    smidgen = _smidgen(architecture, tmp_path)
    sysroot = debian_libraries(architecture, "libsqlite3-dev", "zlib1g-dev")
    options = ("--platform", f"linux/{architecture}", "--sysroot", sysroot, "--with", "tmp")
    built = smidgen("build", "--cgo", *options, "./debian", cwd=SOURCES)
    assert f"starts on linux/{architecture}" in built.stderr
    assert smidgen("run", "debian").stdout == "sqlite: 18 zlib: 11\n"


def test_a_version_of_a_module_is_built_with_its_c(tmp_path: Path) -> None:
    smidgen = _smidgen("amd64", tmp_path)
    module = "github.com/mattn/go-sqlite3"
    (version,) = (line.split()[1] for line in (SOURCES / "go.mod").read_text().splitlines() if f"{module} " in line)
    target = f"{module}/_example/custom_func@{version}"
    built = smidgen("build", "--cgo", target)
    assert "proved: custom_func:latest starts on linux/amd64" in built.stderr
    assert f"note: C is in {module}, and linked in" in built.stderr
    assert "pow(2,3) = 8" in smidgen("run", "custom_func").stdout
    again = smidgen("build", "--cgo", target)
    assert again.stdout == built.stdout
    # The stub that is left without C compiles, and fails when it runs.
    without = smidgen("build", target)
    assert f"warning: C in {module} was left out" in without.stderr
