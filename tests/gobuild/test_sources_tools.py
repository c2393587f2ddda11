"""The compiler that a build script gets: what it leaves out and adds, so that all that is linked is linked alike."""

import subprocess
from pathlib import Path

import pytest

from smidgen.config.resolve import resolve_settings
from smidgen.config.settings import Flags
from smidgen.gobuild.sources.tools import Tools, tools_for
from smidgen.oci.platform import Platform
from support.written_files import write_files

_PLATFORM = Platform(os="linux", architecture="amd64")
_START = ["cc", "-target", "x86_64-linux-musl", "-fno-sanitize=undefined", "-UNDEBUG"]
_END = ["-g", "-Wl,--gc-sections"]


def _tools(root: Path, sysroot: str = "") -> Tools:
    flags = Flags(sysroot=sysroot or None)
    settings = resolve_settings(".", directory=root, flags=flags, config=None, environ={}, path=root)
    return tools_for(settings, _PLATFORM, {"XDG_CACHE_HOME": str(root / "cache"), "PATH": "/usr/bin:/bin"})


def _said(root: Path, *arguments: str, sysroot: str = "") -> list[str]:
    """Run the script with a zig that says what it is told."""
    compiler = _tools(root, sysroot).compiler
    assert compiler is not None
    echo = root / "echo"
    echo.write_text('#!/bin/sh\nfor a do echo "$a"; done\n')
    echo.chmod(0o755)
    script = root / "cc"
    script.write_text(dict(compiler.scripts)["cc"].replace(compiler.home.path, str(echo)))
    (root / "glibc.a").touch()
    outcome = subprocess.run(["/bin/sh", script, *arguments], check=True, capture_output=True, text=True, env={})
    said = outcome.stdout.splitlines()
    assert said[: len(_START)] == _START
    return said[len(_START) :]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("-O2 -g -fPIC -s -o app a.o b.o", "-o app a.o b.o"),
        ("-Wl,-s -Wl,--strip-all -pthread -o app a.o -lm", "-pthread -o app a.o -lm"),
        ("-O2 -g -o app main.c", "-Xclang -O2 -g -o app main.c"),
        ("-O0 -g0 main.cpp", "-O0 main.cpp"),
        ("-O3 -xc -", "-Xclang -O3 -xc -"),
    ],
)
def test_programs_are_linked_alike(given: str, expected: str, tmp_path: Path) -> None:
    assert _said(tmp_path, *given.split()) == ["-Os", "-static", *expected.split(), *_END]


def test_what_is_only_compiled_is_compiled_as_it_is_asked_for(tmp_path: Path) -> None:
    for given in (["-c", "-O0", "-fPIC", "-g0", "x.c"], ["-shared", "-O2", "-s", "-o", "x.so", "a b.o"]):
        assert _said(tmp_path, *given) == given
    assert _said(tmp_path, "--target=x86_64-unknown-linux-musl", "-O1", "-c", "x.c") == ["-O1", "-c", "x.c"]
    assert _said(tmp_path, "-c", "it's.c") == ["-Os", "-c", "it's.c"]


def test_libraries_of_a_system_find_what_they_call(tmp_path: Path) -> None:
    write_files(tmp_path, {"sys/usr/lib/libz.a": ""})
    said = _said(tmp_path, "a.o", "-lz", sysroot=str(tmp_path / "sys"))
    assert said == ["-Os", "-static", f"{tmp_path}/glibc.a", "a.o", "-lz", *_END, f"-L{tmp_path}/sys/usr/lib"]
