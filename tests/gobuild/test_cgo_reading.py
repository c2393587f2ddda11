"""What C code reads, found without a compiler: includes, directories, libraries."""

import os
from pathlib import Path

import msgspec
import pytest

from smidgen.gobuild.cgo.compiler import compiler_for
from smidgen.gobuild.cgo.graph import CPackage
from smidgen.gobuild.cgo.includes import Reading, include_directories, included_files, read_includes
from smidgen.gobuild.cgo.inputs import CInputs, find_c_inputs
from smidgen.gobuild.cgo.sysroot import Sysroot, find_sysroot
from smidgen.gobuild.cgo.target import c_target
from smidgen.gobuild.cgo.zig import Zig
from support.written_files import write_files

_TARGET = c_target({"GOARCH": "arm64"})


def _inputs(root: Path, sysroot: str = "", **environ: str) -> CInputs:
    package = CPackage(
        import_path="example.com/p",
        dir=str(root / "p"),
        h_files=("own.h",),
        cflags=("-I", str(root / "more")),
        ldflags=(f"-L{root}/lib", "-lz", f"{root}/lib/whole.a"),
    )
    found = find_sysroot(sysroot, _TARGET)
    compiler = compiler_for(_TARGET, Zig("/nowhere/zig", "1"), found, {"XDG_CACHE_HOME": str(root / "cache")})
    return find_c_inputs([package], compiler, found, environ)


def _tree(root: Path) -> Path:
    write_files(
        root,
        {
            "p/main.go": '/*\n#include <outer.h>\n# include "own.h"\n#include <stdio.h>\n*/\nimport "C"\n',
            "p/own.h": "\n",
            "p/deep/x.c": "never read\n",
            "more/outer.h": '#include "next/deeper.inc"\n',
            "more/next/deeper.inc": "int x;\n",
            "lib/libz.a": "archive",
            "lib/whole.a": "archive",
        },
    )
    return root


def test_includes_are_followed_wherever_they_lead(tmp_path: Path) -> None:
    found = _inputs(_tree(tmp_path))
    shown = sorted(os.path.relpath(path, tmp_path) for path in found.files)
    # own.h is beside the Go file, where everybody looks anyway.
    assert shown == ["lib/libz.a", "lib/whole.a", "more/next/deeper.inc", "more/outer.h"]
    assert str(tmp_path / "p" / "own.h") not in found.files
    assert str(tmp_path / "more" / "stdio.h") in found.absent
    assert found.doubt == ""


def test_the_digest_is_that_of_contents_and_not_of_places(tmp_path: Path) -> None:
    first, second = _tree(tmp_path / "one"), _tree(tmp_path / "other")
    digest = _inputs(first).digest
    assert digest == _inputs(second).digest != ""
    for changed in ("more/next/deeper.inc", "lib/libz.a", "lib/whole.a"):
        (second / changed).write_text("other")
        assert _inputs(second).digest != digest
        (second / changed).write_bytes((first / changed).read_bytes())
    assert _inputs(second).digest == digest


def test_go_is_told_of_the_digest_beside_what_the_user_says() -> None:
    told = CInputs(digest="abc").variables({"CGO_CPPFLAGS": "-DX", "CGO_LDFLAGS": "-lm"})
    assert told == {"CGO_CPPFLAGS": "-DX -DSMIDGEN_INPUTS=abc", "CGO_LDFLAGS": "-lm -DSMIDGEN_INPUTS=abc"}
    assert CInputs(digest="abc").variables({})["CGO_LDFLAGS"] == "-O2 -g -DSMIDGEN_INPUTS=abc"
    assert CInputs().variables({}) == {}


def test_variables_of_the_environment_name_directories_too(tmp_path: Path) -> None:
    root = _tree(tmp_path)
    write_files(root, {"env/stdio.h": "", "env/forced.h": ""})
    found = _inputs(root, CGO_CFLAGS=f"-O2 -I{root}/env -include {root}/env/forced.h")
    assert {str(root / "env/stdio.h"), str(root / "env/forced.h")} <= set(found.files)


def test_a_sysroot_is_laid_out_as_debian_does(tmp_path: Path) -> None:
    root = _tree(tmp_path)
    write_files(root, {"sys/usr/include/stdio.h": "", "sys/usr/lib/aarch64-linux-gnu/libq.a": ""})
    sysroot = find_sysroot(str(root / "sys"), _TARGET)
    assert sysroot.headers == (str(root / "sys/usr/include"),)
    assert sysroot.libraries == (str(root / "sys/usr/lib/aarch64-linux-gnu"), str(root / "sys/usr/lib"))
    found = _inputs(root, str(root / "sys"))
    assert str(root / "sys/usr/include/stdio.h") in found.files
    # A library that appears there, or a directory, is a new one to take.
    assert str(root / "sys/usr/lib/aarch64-linux-gnu") in found.listings
    assert str(root / "sys/usr/local/lib") in found.absent


def test_of_a_fixed_version_nothing_is_read(tmp_path: Path) -> None:
    place = tmp_path / "mod" / "example.com" / "p@v1.0.0"
    write_files(place, {"main.go": '// #include "x/y.h"\nimport "C"\n', "x/y.h": ""})
    module = {"Path": "example.com/p", "Version": "v1.0.0"}
    package = msgspec.convert({"ImportPath": "example.com/p", "Dir": str(place), "Module": module}, CPackage)
    assert package.is_fixed
    compiler = compiler_for(_TARGET, Zig("/nowhere/zig", "1"), Sysroot(), {})
    assert find_c_inputs([package], compiler, Sysroot(), {}) == CInputs()


def test_what_only_a_compiler_can_tell_is_not_vouched_for(tmp_path: Path) -> None:
    write_files(tmp_path, {"p/main.go": 'import "C"\n', "p/x.c": "#define H <a.h>\n#include H\n"})
    assert "p/x.c includes what only a compiler can tell" in _inputs(tmp_path).doubt


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("-I/a", "-I", "b", "-isystem", "/c", "-isystem/d", "-idirafter", "e"), ["/a", "/p/b", "/c", "/d", "/p/e"]),
        (("-I",), ["/p"]),
        (("-O2", "-DX", "/a.a"), []),
    ],
)
def test_directories_of_flags(flags: tuple[str, ...], expected: list[str]) -> None:
    assert list(include_directories(flags, "/p")) == expected


def test_files_of_flags() -> None:
    flags = ("-include", "x.h", "lib/a.a", "/b.o", "-lz", "-Wl,-x.a")
    assert list(included_files(flags, "/p")) == ["/p/x.h", "/p/lib/a.a", "/b.o"]


def test_includes_in_a_circle_end(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.h": '#include "b.h"\n', "b.h": '#include "a.h"\n#include <gone.h>\n'})
    reading = Reading()
    read_includes([str(tmp_path / "a.h")], [], reading)
    assert list(reading.files) == [str(tmp_path / "b.h")]
