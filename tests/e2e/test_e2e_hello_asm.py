"""The smallest image: its program is as small as its README says, and every engine runs it."""

import subprocess
from pathlib import Path

import pytest

from support.command import Smidgen, must, run
from support.dockerd import Docker
from support.emulator import emulator
from support.layouts import Layout
from support.podman import Podman

pytestmark = pytest.mark.e2e

_WRITER = Path(__file__).parent.parent.parent / "examples" / "hello-asm" / "hello.py"
_SIZES = {"amd64": 104, "arm64": 124}
_NAME = "example.com/hello:smallest"


def _write(directory: Path, architecture: str = "amd64", *arguments: str) -> Path:
    program = directory / f"hello-{architecture}"
    must("python3", _WRITER, program, "--architecture", architecture, *arguments)
    return program


def _start(program: Path) -> subprocess.CompletedProcess[bytes]:
    command = [emulator(), str(program)] if program.name.endswith("arm64") else [str(program)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("architecture", _SIZES)
def test_the_record(tmp_path: Path, architecture: str) -> None:
    program = _write(tmp_path, architecture)
    assert program.stat().st_size == _SIZES[architecture]
    done = _start(program)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"Hi World\n", b"")


@pytest.mark.parametrize("architecture", _SIZES)
@pytest.mark.parametrize("text", ["!", "Hi\n", "12345678", "12345678\n", "123456789", "A longer line.\n", "x" * 255])
def test_any_text(tmp_path: Path, architecture: str, text: str) -> None:
    program = _write(tmp_path, architecture, "--text", text)
    done = _start(program)
    assert (done.returncode, done.stdout) == (0, text.encode())


@pytest.mark.parametrize("text", ["", "x" * 256])
def test_no_text_and_too_much(tmp_path: Path, text: str) -> None:
    outcome = run("python3", _WRITER, tmp_path / "hello", "--text", text)
    assert outcome.exit_code == 1
    assert "a text of 1 to 255 bytes was expected" in outcome.stderr
    assert not list(tmp_path.iterdir())


def test_every_engine_runs_it(smidgen: Smidgen, docker: Docker, podman: Podman, tmp_path: Path) -> None:
    tarball, layout = tmp_path / "hello.tar", tmp_path / "layout"
    options = ("--single-layer", "--compression", "gzip:12", "--tarball", tarball, "--oci-layout", layout)
    smidgen("build", "--binary", _write(tmp_path), "-t", _NAME, *options)
    (manifest,) = Layout(layout).manifests()
    (layer,) = manifest["layers"]
    assert layer["size"] <= 160
    for runtime in ("crun", "runc"):
        assert smidgen("run", "--runtime", runtime, _NAME).stdout == "Hi World\n"
    smidgen("prove", _NAME)
    docker("load", "--input", tarball)
    assert docker.run(_NAME) == "Hi World\n"
    assert docker("image", "inspect", "--format", "{{.Size}}", _NAME).strip() == "104"
    podman("load", "--input", tarball)
    assert podman.run(_NAME) == "Hi World\n"


def test_the_platform_is_read_from_it(smidgen: Smidgen, tmp_path: Path) -> None:
    smidgen("build", "--binary", _write(tmp_path, "arm64"), "-t", "arm")
    assert smidgen("inspect", "arm").json[0]["platform"] == "linux/arm64"
