"""A store where no overlay can be mounted."""

import pytest

from support.command import Smidgen
from support.dockerfile_bench import Bench

pytestmark = pytest.mark.e2e


def test_a_store_on_an_overlay_is_named_with_a_way_out(smidgen: Smidgen, bench: Bench) -> None:
    bench.write({"Dockerfile": "FROM busybox\nRUN true\n"})
    root = bench.store.root
    over = root.parent / "over"
    for name in ("upper", "work"):
        (over / name).mkdir(parents=True)
    options = f"lowerdir={root},upperdir={over}/upper,workdir={over}/work"
    script = f'mount -t overlay overlay -o {options} {root} && exec "$@"'
    launcher = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh")
    done = smidgen.through(launcher, "build", "-f", "Dockerfile", ".")
    assert done.exit_code == 2, done
    assert "Dockerfile:2:1" in done.stderr
    assert f"the kernel cannot lay an overlay over {root}/snapshots/" in done.stderr
    assert "file system overlay" in done.stderr
    assert "--store DIRECTORY" in done.stderr
    assert not list((over / "upper").glob("snapshots/*/draft-*"))
