"""RUN for another machine: in the emulator that the kernel knows, and what is said where it knows none."""

import os
from pathlib import Path

import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.platform import Platform
from support.command import Outcome, Smidgen
from support.dockerfile_bench import Bench
from support.emulator import registered
from support.tiny_arm64 import tiny_arm64

pytestmark = pytest.mark.e2e

_HANDLERS = "/proc/sys/fs/binfmt_misc"
_DOCKERFILE = 'FROM other\nRUN ["/tool"]\n'


@pytest.fixture
def other(bench: Bench) -> Bench:
    """A store with an image for arm64 that has one program."""
    assert os.uname().machine == "x86_64", "this is about programs for another machine"
    tool = Entry.file("tool", tiny_arm64(b"from afar\n", b"/made"), mode=0o755)
    bench.base("other", [tool], platform=Platform.parse("linux/arm64"))
    bench.write({"Dockerfile": _DOCKERFILE})
    return bench


def _build(smidgen: Smidgen, prepare: str, *arguments: str) -> Outcome:
    """Build where the directory of the kernel's handlers is what *prepare* makes of it, and for nobody else."""
    script = f'{prepare} && exec "$@"'
    launcher = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh")
    return smidgen.through(launcher, "build", "-f", "Dockerfile", "--platform", "linux/arm64", *arguments, ".")


def test_a_command_for_arm64_runs(smidgen: Smidgen, other: Bench, tmp_path: Path) -> None:
    target = tmp_path / "files"
    with registered(tmp_path / "binfmt"):
        prepare = f"mount -t binfmt_misc none {_HANDLERS}"
        done = _build(smidgen, prepare, "-o", f"type=local,dest={target}")
        assert done.exit_code == 0, done
        assert "from afar" in done.stderr
        assert (target / "made").read_text() == "from afar\n"
        done = _build(smidgen, prepare, "-t", "example.com/arm")
    assert done.exit_code == 0, done
    assert "linux/arm64" in smidgen("inspect", "example.com/arm").stdout


def test_without_an_emulator_it_is_said(smidgen: Smidgen, other: Bench) -> None:
    done = _build(smidgen, f"mount -t tmpfs none {_HANDLERS}")
    assert done.exit_code == 2, done
    assert "Dockerfile:2:1" in done.stderr
    assert "arm64" in done.stderr
    assert "qemu-user-static" in done.stderr
    assert not list(other.store.root.glob("snapshots/*/draft-*"))
