"""The unpacked image: paths that do not leave it, mount points in it, and the program in it."""

import os
from pathlib import Path

import pytest

from smidgen.errors import ProgramNotFound, ProgramNotRunnable, SandboxError
from smidgen.sandbox.foreign import find_emulator, is_foreign
from smidgen.sandbox.identity import find_identity
from smidgen.sandbox.program import find_program
from smidgen.sandbox.rootfs import RootFS, run_directory
from smidgen.sandbox.users import User
from support.elf_maker import PT_INTERP, RX, ElfMaker

ENVIRONMENT = ("PATH=/usr/bin:/bin",)
NOBODY = User(uid=65534, gid=65534)
ROOT = User(uid=0, gid=0)


@pytest.fixture
def root(tmp_path: Path) -> RootFS:
    path = tmp_path / "root"
    path.mkdir()
    return RootFS(tmp_path, path)


def elf(machine: int = 62, interpreter: bytes = b"") -> bytes:
    """A small executable."""
    maker = ElfMaker(machine=machine)
    maker.add(b"\0" * 64, flags=RX)
    if interpreter:
        maker.add(interpreter + b"\0", kind=PT_INTERP)
    return maker.build()


def add(root: RootFS, path: str, content: bytes, mode: int = 0o755) -> None:
    target = root.path / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    target.chmod(mode)


class TestPaths:
    def test_a_link_out_of_the_root_stays_inside(self, root: RootFS, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("outside")
        (root.path / "absolute").symlink_to(tmp_path / "secret")
        (root.path / "relative").symlink_to("../secret")
        assert root.read_text("/absolute") == ""
        assert root.read_text("/relative") == ""
        assert root.stat("/../secret") is None

    def test_links_are_followed_inside(self, root: RootFS) -> None:
        add(root, "/real/file", b"text")
        (root.path / "link").symlink_to("/real")
        assert root.read_text("/link/file") == "text"
        assert root.resolve("/link/file") == "/real/file"
        assert root.resolve("/") == "/"

    def test_reading_is_bounded_and_of_regular_files_only(self, root: RootFS) -> None:
        os.mkfifo(root.path / "pipe")
        add(root, "/big", b"x" * 100)
        assert root.read("/pipe") == b""
        assert root.read("/big", 10) == b"x" * 10


class TestMountPoints:
    def test_made_where_missing(self, root: RootFS) -> None:
        assert root.mount_point("/a/b", directory=True) == "/a/b"
        assert root.mount_point("/etc/hosts", directory=False) == "/etc/hosts"
        assert (root.path / "a/b").is_dir()
        assert (root.path / "etc/hosts").is_file()

    def test_what_is_there_is_left_alone(self, root: RootFS) -> None:
        add(root, "/etc/hosts", b"own", 0o600)
        assert root.mount_point("/etc/hosts", directory=False) == "/etc/hosts"
        assert (root.path / "etc/hosts").read_bytes() == b"own"

    def test_links_are_resolved(self, root: RootFS) -> None:
        (root.path / "var").mkdir()
        (root.path / "run").symlink_to("/var")
        assert root.mount_point("/run/app", directory=True) == "/var/app"

    def test_a_hostile_link_makes_nothing_outside(self, root: RootFS, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        (root.path / "etc").symlink_to(tmp_path / "outside")
        with pytest.raises(SandboxError, match="symbolic link that leads nowhere"):
            root.mount_point("/etc/hosts", directory=False)
        assert list((tmp_path / "outside").iterdir()) == []

    def test_the_other_kind(self, root: RootFS) -> None:
        add(root, "/data", b"")
        with pytest.raises(SandboxError, match="it is a file of the image, expected a directory"):
            root.mount_point("/data", directory=True)

    @pytest.mark.parametrize("path", ["", "/", "/a/../b"])
    def test_places_that_are_none(self, root: RootFS, path: str) -> None:
        with pytest.raises(SandboxError):
            root.mount_point(path, directory=True)


class TestProgram:
    def find(self, root: RootFS, name: str, user: User = NOBODY) -> str:
        return find_program(root, name, environment=ENVIRONMENT, directory="/work", user=user).path

    def test_absolute_relative_and_on_the_path(self, root: RootFS) -> None:
        for path in ("/app", "/work/tool", "/bin/web"):
            add(root, path, elf())
        assert self.find(root, "/app") == "/app"
        assert self.find(root, "./tool") == "/work/tool"
        assert self.find(root, "web") == "/bin/web"

    def test_the_architecture(self, root: RootFS) -> None:
        add(root, "/app", elf(183))
        assert find_program(root, "/app", environment=(), directory="/", user=NOBODY).architecture == "arm64"

    def test_not_there(self, root: RootFS) -> None:
        with pytest.raises(ProgramNotFound, match="'web' is not in the image in any of /usr/bin, /bin") as caught:
            self.find(root, "web")
        assert caught.value.exit_code == 127

    def test_no_shell(self, root: RootFS) -> None:
        with pytest.raises(ProgramNotFound) as caught:
            self.find(root, "/bin/sh")
        assert "no shell" in str(caught.value.hint)

    def test_not_executable(self, root: RootFS) -> None:
        add(root, "/app", elf(), 0o644)
        with pytest.raises(ProgramNotRunnable, match="its mode is 0644") as caught:
            self.find(root, "/app")
        assert caught.value.exit_code == 126

    @pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser unpacks owners")
    def test_not_executable_for_that_user(self, root: RootFS) -> None:
        add(root, "/app", elf(), 0o700)
        with pytest.raises(ProgramNotRunnable, match="for user 65534"):
            self.find(root, "/app")
        assert self.find(root, "/app", ROOT) == "/app"

    def test_a_directory(self, root: RootFS) -> None:
        (root.path / "app").mkdir()
        with pytest.raises(ProgramNotRunnable, match="is a directory"):
            self.find(root, "/app")

    def test_a_later_one_that_can_be_run_wins(self, root: RootFS) -> None:
        add(root, "/usr/bin/web", elf(), 0o644)
        add(root, "/bin/web", elf())
        assert self.find(root, "web") == "/bin/web"

    def test_a_script_without_its_interpreter(self, root: RootFS) -> None:
        add(root, "/app", b"#!/bin/sh -e\necho\n")
        with pytest.raises(ProgramNotRunnable, match="script for /bin/sh"):
            self.find(root, "/app")

    def test_a_script_with_it(self, root: RootFS) -> None:
        add(root, "/app", b"#! /bin/sh\n")
        add(root, "/bin/sh", elf(183))
        found = find_program(root, "/app", environment=(), directory="/", user=NOBODY)
        assert (found.path, found.architecture) == ("/app", "arm64")

    def test_a_dynamic_program_without_its_loader(self, root: RootFS) -> None:
        add(root, "/app", elf(interpreter=b"/lib64/ld.so"))
        with pytest.raises(ProgramNotRunnable, match=r"needs /lib64/ld\.so, which is not in the image"):
            self.find(root, "/app")
        add(root, "/lib64/ld.so", elf())
        assert self.find(root, "/app") == "/app"

    @pytest.mark.parametrize("content", [b"", b"MZ\x90\0", b"\x7fELF", b"#!\n", b"#!"])
    def test_what_is_no_program(self, root: RootFS, content: bytes) -> None:
        add(root, "/app", content)
        with pytest.raises(ProgramNotRunnable):
            self.find(root, "/app")


class TestForeign:
    def handler(self, directory: Path, flags: str = "OCF", state: str = "enabled") -> None:
        lines = (state, "interpreter /usr/bin/qemu-aarch64-static", f"flags: {flags}", "offset 0")
        magic = ("magic 7f454c460201010000000000000000000200b700", "mask ffffffffffffff00fffffffffffffffffeffffff")
        (directory / "any-name").write_text("\n".join((*lines, *magic)) + "\n")
        (directory / "register").write_text("")
        (directory / "status").write_text("enabled\n")

    def test_which_are_foreign(self) -> None:
        assert not is_foreign("amd64", "amd64")
        assert not is_foreign("386", "amd64")
        assert is_foreign("arm64", "amd64")
        assert not is_foreign("arm", "arm64")
        assert not is_foreign("", "amd64")

    def test_the_kernel_knows_it_by_its_bytes(self, tmp_path: Path) -> None:
        self.handler(tmp_path)
        assert find_emulator("arm64", elf(183), handlers=tmp_path) is None

    @pytest.mark.parametrize(("flags", "state"), [("OC", "enabled"), ("OCF", "disabled")])
    def test_a_handler_that_does_not_help(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, state: str
    ) -> None:
        self.handler(tmp_path, flags, state)
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ProgramNotRunnable, match="the image is for arm64") as caught:
            find_emulator("arm64", elf(183), handlers=tmp_path)
        assert "qemu-user-static" in str(caught.value.hint)

    def test_another_machine(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.handler(tmp_path)
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ProgramNotRunnable):
            find_emulator("s390x", elf(22), handlers=tmp_path)


class TestDirectory:
    identity = find_identity()

    def test_nothing_is_left(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        with run_directory(self.identity) as directory:
            closed = directory / "root" / "closed"
            closed.mkdir(parents=True)
            (closed / "file").touch()
            closed.chmod(0)
            assert directory.stat().st_mode & 0o777 == 0o700
        assert list(tmp_path.iterdir()) == []

    def test_what_a_killed_run_left_goes_with_the_next(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        abandoned = tmp_path / "smidgen-run-abandoned"
        abandoned.mkdir()
        (abandoned / "lock").touch()
        (tmp_path / "smidgen-run-young").mkdir()
        with run_directory(self.identity) as first, run_directory(self.identity) as second:
            assert {path.name for path in tmp_path.iterdir()} == {first.name, second.name, "smidgen-run-young"}
