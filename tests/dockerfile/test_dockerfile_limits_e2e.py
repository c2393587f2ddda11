"""Commands that take all there is: the disk, or processes without end."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.build_traces import left
from support.command import Smidgen
from support.dockerfile_bench import Bench
from support.registry_wire import wait_until

pytestmark = pytest.mark.e2e
# Of this run of the tests alone.
_MARK = f"86399.{os.getpid()}"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Bench]:
    """A bench on a file system that is soon full."""
    root = tmp_path / "small"
    root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "tmpfs", root], check=True)
    try:
        yield Bench.at(root)
    finally:
        # What a build left is found by the test itself; somebody who looks at all mounts may have it open.
        subprocess.run(["umount", "--lazy", root], check=True)


def _marked() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [str(path)] if _MARK.encode() in path.read_bytes() else []
        except OSError:
            continue
    return found


def _state(bench: Bench) -> dict[str, int]:
    root = bench.store.root
    return {str(path.relative_to(root)): path.lstat().st_size for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("dockerfile", "ballast", "said"),
    [
        (
            "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=100\n",
            0,
            "Dockerfile:2:1: the command failed: exit code 1",
        ),
        # It fits beside the image, but not a second time as a layer.
        ("FROM busybox\nRUN dd if=/dev/urandom of=/big bs=1M count=12\n", 0, "cannot write"),
        # What is copied fits once, or not at all.
        ("FROM busybox\nCOPY big /a/\nRUN cat /a/big > /dev/null\n", 0, "cannot write"),
        ("FROM busybox\nCOPY big /a/\nRUN cat /a/big > /dev/null\n", 6 << 20, "cannot write"),
    ],
)
def test_a_disk_that_is_full(small: Bench, dockerfile: str, ballast: int, said: str) -> None:
    assert os.geteuid() == 0, "only the superuser can mount"
    smidgen = Smidgen(small.store.root, small.context)
    small.write({"Dockerfile": dockerfile})
    if "COPY" in dockerfile:
        (small.context / "big").symlink_to("rather")
        small.write({"rather": os.urandom(8 << 20)})
    (small.context.parent / "ballast").write_bytes(bytes(ballast))
    names = smidgen("images").stdout
    before = _state(small)
    failed = smidgen("build", "-f", "Dockerfile", "-t", "x", ".", fails=True)
    assert failed.exit_code == 1
    assert said in failed.stderr
    assert "No space left on device" in failed.stderr
    assert "Dockerfile:" in failed.stderr
    assert left(small) == []
    assert smidgen("images").stdout == names
    smidgen("gc", "--builds")
    assert {path: size for path, size in _state(small).items() if "blobs/" in path} == {
        path: size for path, size in before.items() if "blobs/" in path
    }
    small.write({"Dockerfile": "FROM busybox\nRUN echo small > /small\n"})
    assert smidgen("build", "-f", "Dockerfile", "-t", "x", ".").lines


def test_very_many_processes(smidgen: Smidgen, bench: Bench) -> None:
    # Not without end: they are the machine's, and other tests need some too.
    command = f"for a in $(seq 50); do for b in $(seq 50); do sleep {_MARK} & done; done; wait"
    bench.write({"Dockerfile": f"FROM busybox\nRUN {command}\n"})
    names = smidgen("images").stdout
    failed = smidgen("build", "-f", "Dockerfile", "-t", "x", "--timeout", "1s", ".", fails=True)
    assert failed.exit_code == 1
    assert "Dockerfile:2:1: the command failed: it took more than 1 seconds" in failed.stderr
    assert left(bench) == []
    wait_until(lambda: _marked() == [])
    assert smidgen("images").stdout == names
