"""Programs that cannot be packed: what was sought, where, who needs it, and what to do."""

import os
import subprocess
from pathlib import Path

import pytest

from smidgen.errors import DynamicExecutable
from smidgen.gobuild.cgo.zig import find_zig
from smidgen.needs.closure.resolve import resolve_closure
from smidgen.needs.closure.whole import check_whole
from support.c_programs import Workshop
from support.command import Smidgen

pytestmark = pytest.mark.e2e

_CALL = "int {0}(void); int main(void) {{ return {0}(); }}"
_BOTH_WAYS = ("-Wl,--no-as-needed", "-Wl,-rpath-link,lib")


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=tmp_path)


def _refused(program: Path, sysroot: Path | None = None) -> DynamicExecutable:
    with pytest.raises(DynamicExecutable) as caught:
        check_whole(resolve_closure(program, sysroot=sysroot))
    return caught.value


def _circle(shop: Workshop, *flags: str) -> None:
    """Make two libraries that need each other."""
    shop.library("lib/libb.so", "int b(void) { return 0; }")
    shop.library("lib/liba.so", "int b(void); int a(void) { return b(); }", "-Llib", "-lb", *flags)
    shop.library("lib/libb.so", "int a(void); int b(void) { return 0; }", *_BOTH_WAYS, "-Llib", "-la", *flags)


def test_libraries_that_need_each_other(shop: Workshop) -> None:
    _circle(shop, "-Wl,-rpath,$ORIGIN")
    program = shop.program("app", _CALL.format("a"), "-Llib", "-la", "-Wl,-rpath,$ORIGIN/lib", *_BOTH_WAYS)
    closure = resolve_closure(program)
    check_whole(closure)
    a, b = (next(one for one in closure.libraries if one.name == name) for name in ("liba.so", "libb.so"))
    assert b.path in a.needs
    assert a.path in b.needs
    assert subprocess.run([program], check=False).returncode == 0


def test_a_library_beside_one_that_does_not_look_there(shop: Workshop) -> None:
    _circle(shop)
    program = shop.program("app", _CALL.format("a"), "-Llib", "-la", "-Wl,-rpath,$ORIGIN/lib", *_BOTH_WAYS)
    error = _refused(program)
    assert f"libb.so, which {shop.root}/lib/liba.so needs, was not found in " in error.message
    assert (error.hint or "").startswith(f"{shop.root}/lib/libb.so is there, and {shop.root}/lib/liba.so does not look")
    assert "-Wl,-rpath,'$ORIGIN'" in (error.hint or "")
    assert subprocess.run([program], check=False, capture_output=True).returncode == 127


def test_a_path_for_libraries_that_is_relative(shop: Workshop) -> None:
    _circle(shop, "-Wl,-rpath,$ORIGIN")
    program = shop.program("app", _CALL.format("a"), "-Llib", "-la", "-Wl,-rpath,lib", *_BOTH_WAYS)
    assert "'lib' is relative to wherever the program is started" in _refused(program).message


def test_a_path_for_libraries_outside_of_the_sysroot(shop: Workshop) -> None:
    """A program of the sysroot does not reach what its path means on this machine."""
    outside = shop.root / "outside"
    shop.library("outside/libmine.so", "int mine(void) { return 0; }")
    sysroot = shop.root / "sysroot"
    program = shop.program("sysroot/app", _CALL.format("mine"), f"-L{outside}", "-lmine", f"-Wl,-rpath,{outside}")
    (sysroot / "lib64").mkdir()
    (sysroot / "lib64/ld-linux-x86-64.so.2").write_bytes(Path("/lib64/ld-linux-x86-64.so.2").read_bytes())
    error = _refused(program, sysroot)
    assert f"libmine.so, which /app needs, was not found in {outside}, " in error.message
    assert f"this machine has {outside}/libmine.so, which is not in the sysroot {sysroot}" in (error.hint or "")


def test_a_library_of_32_bits(shop: Workshop) -> None:
    shop.library("lib/libmine.so", "int mine(void) { return 0; }")
    program = shop.program("app", _CALL.format("mine"), "-Llib", "-lmine", "-Wl,-rpath,$ORIGIN/lib")
    words = (
        "-target",
        "x86-linux-musl",
        "-shared",
        "-nostdlib",
        "-Wl,-soname,libmine.so",
        "-o",
        "lib/libmine.so",
        "-xc",
        "-",
    )
    caches = {"ZIG_LOCAL_CACHE_DIR": str(shop.root / "cache"), "ZIG_GLOBAL_CACHE_DIR": str(shop.root / "cache")}
    command = [str(find_zig(os.environ).path), "cc", *words]
    subprocess.run(command, input=b"int mine(void) { return 0; }", check=True, cwd=shop.root, env=os.environ | caches)
    assert f"{shop.root}/lib/libmine.so is for 386, the program for amd64" in _refused(program).message


def test_a_loader_that_no_package_has(shop: Workshop) -> None:
    program = shop.program("app", "int main(void) { return 0; }", "-Wl,--dynamic-linker=/nix/store/0/lib/ld.so")
    error = _refused(program)
    assert f"/nix/store/0/lib/ld.so, which {program} needs, was not found in /nix/store/0/lib" in error.message
    assert "built for a system whose loader is there" in (error.hint or "")


def test_what_is_no_program(shop: Workshop, smidgen: Smidgen) -> None:
    program = shop.program("app")
    for name, content in (("script", b"#!/bin/sh\n"), ("text", b"text"), ("empty", b""), ("head", b"\x7fELF")):
        (shop.root / name).write_bytes(content)
    (shop.root / "cut").write_bytes(program.read_bytes()[:5000])
    shop.library("lib.so")
    (shop.root / "plain").mkdir()
    expected = {
        "script": "starts with b'#!/b', expected",
        "text": "not a script, an archive or another system's program",
        "empty": "is empty",
        "head": "the file has 4 bytes, expected at least 64",
        "cut": "the file was probably cut short",
        "lib.so": "is a library, and no program",
        "plain": "a directory",
        "nothing": "no such file",
    }
    for name, text in expected.items():
        said = smidgen("build", "--binary", name, "-t", "x:1", fails=True).stderr
        assert text in said
        assert name in said
        assert "Traceback" not in said
    assert smidgen("images").lines[1:] == []


def test_a_program_for_another_machine_than_asked(shop: Workshop, smidgen: Smidgen) -> None:
    words = ("--binary", shop.program("app"), "-t", "x:1", "--platform", "linux/arm64")
    said = smidgen("build", *words, fails=True).stderr
    assert "app is for amd64, the image is for linux/arm64" in said
