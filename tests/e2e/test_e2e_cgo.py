"""Programs with C in them: built by zig for any platform, static, in images from scratch."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cgo_programs import SOURCES, c_environment
from support.command import Outcome, Smidgen
from support.name_server import in_own_network
from support.written_files import write_files

pytestmark = pytest.mark.e2e

_MODULE = "module example.com/p\n\ngo 1.24\n"
_MAIN = """\
package main

// #include "inner/number.h"
import "C"

func main() { println("the number is", C.NUMBER) }
"""


@pytest.fixture
def build(tmp_path: Path) -> Smidgen:
    """Give smidgen, which finds a C library for amd64 compiled already."""
    return Smidgen(store=tmp_path / "store", cwd=tmp_path, environ=tuple(c_environment("amd64").items()))


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return write_files(
        tmp_path / "p", {"go.mod": _MODULE, "main.go": _MAIN, "inner/number.h": "#pragma once\nenum { NUMBER = 1 };\n"}
    )


def _digest(outcome: Outcome) -> str:
    return outcome.stdout.strip().partition("@")[2]


def _settle() -> None:
    """Let the file system's clock go on, so that what was just written can be vouched for."""
    time.sleep(0.05)


def test_a_program_with_c_is_one_static_file_and_was_run(build: Smidgen, program: Path) -> None:
    _settle()
    built = build("build", "--cgo", program)
    assert "proved: p:latest starts on linux/amd64" in built.stderr
    assert "note: C is in example.com/p, and linked in" in built.stderr
    assert build("run", "p").stderr == "the number is 1\n"
    # Neither go nor zig is started where nothing changed, and nothing is run.
    trace = program.with_name("trace")
    again = build.through(["strace", "-f", "-qq", "-e", "trace=execve", "-o", trace], "build", "--cgo", program)
    assert again.stdout == built.stdout, again
    assert "nothing changed" in again.stderr
    started = set(re.findall(r'execve\("[^"]*/([^"/]+)"', trace.read_text()))
    assert not started & {"go", "zig", "cc", "runc", "crun", "bwrap"}, started


def test_what_go_does_not_look_at_is_looked_at(build: Smidgen, program: Path) -> None:
    """Headers in other directories and libraries: Go's own cache does not know them."""

    def rebuilt(text: str) -> tuple[str, str]:
        _settle()
        digest = _digest(build("build", "--cgo", "--no-prove", program))
        assert build("run", "p").stderr == f"the number is {text}\n"
        return digest, text

    first = rebuilt("1")
    header = program / "inner" / "number.h"
    before = header.read_text()
    header.write_text(before.replace("1", "2"))
    assert rebuilt("2") != first
    header.write_text(before)
    assert rebuilt("1") == first


def test_a_second_build_elsewhere_is_the_same(build: Smidgen, program: Path) -> None:
    built = build("build", "--cgo", "--no-prove", "--verify-reproducible", program)
    assert "reproducible: the same digests" in built.stderr


def test_a_program_that_a_signal_ends_is_no_result(build: Smidgen, program: Path) -> None:
    # A trap before Go is there to catch it.
    write_files(program, {"trap.c": "__attribute__((constructor)) static void trap(void) { __builtin_trap(); }\n"})
    for _ in range(2):
        failed = build("build", "--cgo", program, fails=True)
        assert "p:latest does not run: signal 4 ended it" in failed.stderr, failed
    assert build("build", "--cgo", "--no-prove", program).stdout


def test_what_a_user_must_mend_is_said(build: Smidgen, program: Path) -> None:
    write_files(program, {"inner/number.h": "#include <zlib.h>\nenum { NUMBER = 1 };\n"})
    said = build("build", "--cgo", program, fails=True).stderr
    assert re.search(r"hint: \./inner/number\.h:1 includes zlib\.h, of Debian's zlib1g-dev", said), said
    write_files(program, {"inner/number.h": "int nowhere(void);\n#define NUMBER nowhere()\n"})
    write_files(program, {"main.go": _MAIN.replace("C.NUMBER", "C.nowhere()")})
    said = build("build", "--cgo", program, fails=True).stderr
    assert "hint: nowhere, which" in said, said
    assert "-m64" not in said


def test_without_cgo_it_is_said_who_needs_it(build: Smidgen, program: Path) -> None:
    said = build("build", program, fails=True).stderr
    assert "hint: C is in example.com/p: build with --cgo." in said, said
    # There is a stub for builds without C, which compiles, and fails when it runs.
    built = build("build", "./sqlite", cwd=SOURCES)
    assert "warning: C in github.com/mattn/go-sqlite3 was left out" in built.stderr
    assert "modernc.org/sqlite does in Go alone what github.com/mattn/go-sqlite3 does" in built.stderr


@pytest.fixture
def built_for(tmp_path: Path) -> Callable[[str, str], Smidgen]:
    def build_for(name: str, architecture: str) -> Smidgen:
        smidgen = Smidgen(store=tmp_path / "s", cwd=tmp_path, environ=tuple(c_environment(architecture).items()))
        smidgen("build", "--cgo", "--platform", f"linux/{architecture}", f"./{name}", cwd=SOURCES)
        return smidgen

    return build_for


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_users_and_hosts_are_found_by_the_c_library(
    architecture: str, built_for: Callable[[str, str], Smidgen]
) -> None:
    smidgen = built_for("lookups", architecture)
    network = in_own_network("db.test", "192.0.2.7")
    # Go asks by itself where it can; the second time by the C library too.
    for options in ((), ("-e", "GODEBUG=netdns=cgo")):
        found = smidgen.through(network, "run", *options, "lookups", "nobody", "db.test")
        assert found.stdout == "c: 65534 0 192.0.2.7\ngo user: 65534\ngo host: [192.0.2.7] <nil>\n", found
    missed = smidgen.through(network, "run", "lookups", "somebody", "other.test")
    assert missed.stdout.startswith("c: -1 -2 \ngo user: user: unknown user somebody\n"), missed


@pytest.mark.parametrize(
    ("name", "architecture", "expected"),
    [
        ("sqlite", "amd64", "sqlite: 42 2000000\n"),
        ("sqlite", "arm64", "sqlite: 42 2000000\n"),
        ("gozstd", "amd64", "zstd: true true\n"),
        ("gozstd", "arm64", "zstd: true true\n"),
        ("zstd", "amd64", "zstd: true true\n"),
        ("native", "amd64", "words: 2 -1\n"),
    ],
)
def test_modules_with_c_run_on_scratch(
    name: str, architecture: str, expected: str, built_for: Callable[[str, str], Smidgen]
) -> None:
    assert built_for(name, architecture)("run", name).stdout == expected
