"""RUN: device nodes reach a layer, and nobody can open one meanwhile."""

import pytest

from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.sandbox.identity import find_identity
from support.dockerfile_bench import Bench

# A place of each kind of file system that a command can write to.
_PLACES = ("/", "/dev", "/dev/shm", "/cache", "/memory", "/bound", "/tmp")
_MOUNTS = (
    "--mount=type=cache,target=/cache --mount=type=tmpfs,target=/memory --mount=type=bind,rw,target=/bound,source=sub"
)


@pytest.mark.e2e
@pytest.mark.parametrize("runtime", ["runc", "crun", "bwrap"])
def test_nodes_are_made_and_cannot_be_opened(bench: Bench, runtime: str) -> None:
    assert find_identity().makes_devices, "tests of builds are made for the superuser"
    (bench.context / "sub").mkdir()
    options = ExecuteOptions(context=None, runtime=runtime)
    command = (
        f"for place in {' '.join(_PLACES)}; do "
        "mknod $place/zeros c 1 5 && mknod $place/disk b 7 200 || exit 1; "
        "for one in zeros disk; do head -c 1 $place/$one >/dev/null 2>/said && echo opened $place/$one; "
        "grep -q 'Permission denied' /said || cat /said; done; done; rm /said; "
        "head -c 4 /dev/zero | wc -c; echo x > /dev/null; head -c 2 /dev/urandom | wc -c; chmod 640 /disk; rm -r /tmp/*"
    )
    made = bench.build(f"FROM busybox\nRUN {_MOUNTS} {command}\n", options=options)
    assert made.log.lines == ["4", "2"]
    assert made.files["zeros"] == "character device 0644 0:0"
    assert made.files["disk"] == "block device 0640 0:0"
    assert made.entries["zeros"].device == (1, 5)
    assert made.entries["disk"].device == (7, 200)
    # Nor can it be opened where it came with a layer.
    again = bench.build(f"FROM busybox\nRUN {_MOUNTS} {command}\nRUN cat /disk || true\n", options=options)
    assert again.log.lines == ["cat: can't open '/disk': Permission denied"]
    assert {path: one for path, one in again.files.items() if one != made.files.get(path)} == {}
