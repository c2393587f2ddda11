"""Programs with C for machines that are neither amd64 nor arm64: built here, and right where they run."""

from pathlib import Path

import pytest

from support.cgo_programs import SOURCES, c_environment
from support.command import Smidgen
from support.name_server import in_own_network

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("platform", ["riscv64"])
def test_c_is_compiled_for_other_machines(platform: str, tmp_path: Path) -> None:
    """Users and hosts, threads with variables of their own, and numbers, as the C library of each machine has them."""
    smidgen = Smidgen(store=tmp_path / "store", cwd=tmp_path, environ=tuple(c_environment(platform).items()))
    options = ("--platform", f"linux/{platform}", "--with", "passwd")
    built = smidgen("build", "--cgo", *options, "./anywhere", cwd=SOURCES)
    assert f"starts on linux/{platform}" in built.stderr
    found = smidgen.through(in_own_network("db.test", "192.0.2.7"), "run", "anywhere", "nobody", "db.test")
    assert found.stderr.endswith("65534 192.0.2.7 82 1414213562\n"), found
