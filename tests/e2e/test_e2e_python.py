"""Programs that PyInstaller and Nuitka made of Python: on scratch they have all that Python asks of a system."""

import shutil
from pathlib import Path

import pytest

from support.command import Smidgen
from support.python_programs import OUTPUT, nuitka_programs, pyinstaller_programs

pytestmark = pytest.mark.e2e


def _needs(smidgen: Smidgen, *words: str | Path) -> dict[str, bool]:
    report = smidgen("build", "--json", "--binary", *words, "-t", "app:1").json
    return {need["kind"]: need["included"] for need in report["images"][0]["platforms"][0]["needs"]}


def _files(smidgen: Smidgen) -> list[str]:
    return [line for line in smidgen("ls", "-R", "app:1").lines if not line.endswith("/")]


def test_pyinstaller_in_one_file(smidgen: Smidgen) -> None:
    program = pyinstaller_programs() / "onefile"
    needs = _needs(smidgen, program)
    assert smidgen("run", "app:1", "--", "one", "two").stdout == OUTPUT
    assert {kind for kind, included in needs.items() if included} >= {"ca", "tz", "passwd", "tmp", "resolver"}
    assert not any("libX11" in path or "libpython" in path for path in _files(smidgen))


def test_pyinstaller_in_a_directory(smidgen: Smidgen) -> None:
    program = pyinstaller_programs() / "onedir/app"
    alone = smidgen("build", "--binary", program, "-t", "alone:1", fails=True)
    assert "PyInstaller to be started in its directory: it looks for _internal beside itself" in alone.stderr
    assert f"--add {program.parent}:/opt/onedir" in alone.stderr
    on_base = smidgen("build", "--binary", program, "-t", "alone:1", "--base", "static", fails=True)
    assert "it looks for _internal beside itself" in on_base.stderr
    _needs(smidgen, program, "--add", f"{program.parent}:/opt/onedir")
    assert smidgen("run", "app:1", "--", "one", "two").stdout == OUTPUT
    files = _files(smidgen)
    assert [path for path in files if path.endswith("/app")] == ["/opt/onedir/app"]
    # What is beside the program serves it: only the C library is taken along, and libz for PyInstaller's own start.
    system = [path.rpartition("/")[2] for path in files if path.startswith("/lib/")]
    assert {"libc.so.6", "libm.so.6", "libz.so.1"} <= set(system)
    assert not [name for name in system if name.startswith(("libcrypto", "libssl", "libpython", "libX"))]


def test_nuitka_in_one_file(smidgen: Smidgen) -> None:
    needs = _needs(smidgen, nuitka_programs() / "app.bin")
    assert smidgen("run", "app:1", "--", "one", "two").stdout == OUTPUT
    assert {kind for kind, included in needs.items() if included} >= {"ca", "tz", "passwd", "tmp", "resolver"}


def test_nuitka_in_a_directory(smidgen: Smidgen, tmp_path: Path) -> None:
    moved = tmp_path / "anywhere"
    shutil.copytree(nuitka_programs() / "app.dist", moved)
    alone = smidgen("build", "--binary", moved / "app.bin", "-t", "alone:1", fails=True)
    assert "Nuitka to be started in its directory: it looks for Python's modules beside itself" in alone.stderr
    _needs(smidgen, moved / "app.bin", "--add", f"{moved}:/opt/app")
    assert smidgen("run", "app:1", "--", "one", "two").stdout == OUTPUT
    assert not any("libpython" in path and path.startswith("/lib/") for path in _files(smidgen))
