"""Rust programs by cargo: static for any platform, in images from scratch, and run."""

import re
from pathlib import Path

import pytest

from support.command import Smidgen
from support.source_programs import RUST_PROGRAM, RUST_WORKSPACE, smidgen_with_rust
from support.written_files import write_files

pytestmark = pytest.mark.e2e


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    write_files(tmp_path / "app", RUST_PROGRAM)
    return smidgen_with_rust(tmp_path)


def test_a_crate_gives_an_image_for_each_platform(smidgen: Smidgen) -> None:
    built = smidgen("build", "--platform", "linux/amd64,linux/arm64", "./app")
    for platform in ("linux/amd64", "linux/arm64"):
        assert f"proved: greet:latest starts on {platform}" in built.stderr
        assert smidgen("run", "--platform", platform, "greet").stdout == "hello from src/main.rs\n"
    assert "+ resolver (likely): The program looks up hosts. [getaddrinfo]" in built.stderr
    assert not (smidgen.cwd / "app" / "target").exists(), "the source is left alone"
    # In another directory it is the same image.
    write_files(smidgen.cwd / "some" / "other" / "place", RUST_PROGRAM)
    other = smidgen("build", "--no-prove", "--platform", "linux/amd64,linux/arm64", "./some/other/place")
    assert other.stdout == built.stdout


def test_libraries_come_along_with_a_dynamic_program(smidgen: Smidgen) -> None:
    built = smidgen("build", "--libc", "glibc", "./app")
    assert re.search(r"^ +glibc \d", built.stderr, re.MULTILINE)
    assert smidgen("run", "greet").stdout == "hello from src/main.rs\n"


def test_crates_have_their_bytes(smidgen: Smidgen) -> None:
    smidgen("build", "--no-prove", "--no-strip", "./app")
    said = smidgen("explain", "greet").stdout
    assert re.search(r"^std +\d", said, re.MULTILINE), said
    assert re.search(r"^core +\d", said, re.MULTILINE), said


@pytest.mark.parametrize(
    ("files", "arguments", "expected"),
    [
        ({"src/bin/two.rs": "fn main() {}"}, (), r"has 2 programs: greet, two\nhint: say which one with --bin greet"),
        ({}, ("--bin", "three"), r"has no program three\nhint: it has greet"),
        ({"src/main.rs": "fn main() { 1u8 }"}, (), r"cargo ended with exit code 101\n(.*\n)*.*mismatched types"),
        ({"Cargo.toml": "nonsense"}, (), r"cargo cannot read \./app"),
        ({"Cargo.lock": "version = 4\n"}, (), r"hint: Cargo\.lock is not what Cargo\.toml asks for"),
        ({}, ("--platform", "linux/ppc64le"), r"not installed\nhint: rustup target add powerpc64le-unknown-linux-musl"),
        ({}, ("--platform", "linux/mips64"), "Rust is not built for it here"),
        ({}, ("--tags", "x"), "--tags is for Go's compiler, and ./app is built by cargo"),
    ],
)
def test_what_a_user_must_mend_is_said(
    smidgen: Smidgen, files: dict[str, str], arguments: tuple[str, ...], expected: str
) -> None:
    write_files(smidgen.cwd / "app", files)
    said = smidgen("build", "--no-prove", *arguments, "./app", fails=True).stderr
    assert re.search(expected, said), said


def test_without_cargo_it_is_said(smidgen: Smidgen) -> None:
    said = smidgen("build", "./app", fails=True, env={"PATH": "/nowhere"}).stderr
    assert "there is a Cargo.toml, and no `cargo` on PATH" in said


def test_one_of_several_programs(smidgen: Smidgen) -> None:
    write_files(smidgen.cwd / "app", {"src/bin/two.rs": 'fn main() { println!("two"); }'})
    smidgen("build", "--bin", "two", "./app")
    assert smidgen("run", "two").stdout == "two\n"


def test_what_a_workspace_reads_is_known(smidgen: Smidgen) -> None:
    """C in a crate is compiled for the platform; cargo is started where something changed, and else not."""
    write_files(smidgen.cwd / "work", RUST_WORKSPACE)
    several = smidgen("build", "--no-prove", "./work/app", fails=True).stderr
    assert "has 2 programs: back, front\nhint: say which one with --bin back" in several
    first = smidgen("build", "--bin", "front", "./work/app")
    assert smidgen("run", "front").stdout == "C\n41 beside text\n"
    # cargo wrote Cargo.lock, so that it is asked once more.
    assert smidgen("build", "--bin", "front", "./work/app").stdout == first.stdout
    started, again = _started(smidgen, "build", "--bin", "front", "./work/app")
    assert "(nothing changed)" in again
    assert not started & {"cargo", "rustc", "zig"}, started
    for files, expected in (
        ({"text.txt": "other\n"}, "C\n41 beside other\n"),
        ({"beside/src/lib.rs": 'pub fn text() -> &\'static str { "near" }\n'}, "C\n41 near other\n"),
    ):
        write_files(smidgen.cwd / "work", files)
        smidgen("build", "--no-prove", "--bin", "front", "./work/app")
        assert smidgen("run", "front").stdout == expected
    smidgen("build", "--bin", "front", "--platform", "linux/arm64", "./work/app")
    assert smidgen("run", "--platform", "linux/arm64", "front").stdout == "C\n41 near other\n"


def _started(smidgen: Smidgen, *arguments: str) -> tuple[set[str], str]:
    """Give the programs that smidgen starts, and what it says."""
    trace = smidgen.cwd / "trace"
    outcome = smidgen.through(["strace", "-f", "-qq", "-e", "trace=execve", "-o", trace], *arguments)
    return set(re.findall(r'execve\("[^"]*/([^"/]+)"[^\n]* = 0', trace.read_text())), outcome.stderr
