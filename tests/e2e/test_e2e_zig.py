"""A Zig program by its build.zig: static, in an image from scratch, and run."""

from pathlib import Path

import pytest

from support.source_programs import smidgen_with_c
from support.written_files import write_files

pytestmark = pytest.mark.e2e

_PROGRAM = {
    "build.zig": """\
const std = @import("std");

pub fn build(b: *std.Build) void {
    const module = b.createModule(.{
        .root_source_file = b.path("main.zig"),
        .target = b.standardTargetOptions(.{}),
        .optimize = b.standardOptimizeOption(.{}),
    });
    b.installArtifact(b.addExecutable(.{ .name = "greet", .root_module = module }));
}
""",
    "main.zig": """\
const std = @import("std");

pub fn main() void {
    std.debug.print("hello from zig\\n", .{});
}
""",
}


def test_a_build_file_gives_an_image(tmp_path: Path) -> None:
    smidgen = smidgen_with_c(tmp_path)
    write_files(tmp_path / "app", _PROGRAM)
    built = smidgen("build", "-t", "zigged", "./app")
    assert "proved: zigged:latest starts on linux/amd64" in built.stderr
    assert smidgen("run", "zigged").stderr == "hello from zig\n"
    assert sorted(one.name for one in (tmp_path / "app").iterdir()) == sorted(_PROGRAM), "the source is left alone"
    again = smidgen("build", "--no-prove", "-t", "zigged", "./app")
    assert "(nothing changed)" in again.stderr
    assert again.stdout == built.stdout
    missing = smidgen("build", "--no-prove", "--bin", "other", "./app", fails=True)
    assert "has no program other\nhint: it has greet" in missing.stderr
    write_files(tmp_path / "app", {"main.zig": "nonsense"})
    failed = smidgen("build", "--no-prove", "./app", fails=True)
    assert "cannot build ./app for linux/amd64: zig ended with exit code" in failed.stderr
    assert "main.zig:1:1" in failed.stderr


def test_it_is_built_for_other_machines_and_for_glibc(tmp_path: Path) -> None:
    smidgen = smidgen_with_c(tmp_path)
    write_files(tmp_path / "app", _PROGRAM)
    smidgen("build", "-t", "zigged", "--platform", "linux/arm64", "./app")
    assert smidgen("run", "--platform", "linux/arm64", "zigged").stderr == "hello from zig\n"
    smidgen("build", "-t", "zigged", "--libc", "glibc", "./app")
    assert smidgen("run", "zigged").stderr == "hello from zig\n"
