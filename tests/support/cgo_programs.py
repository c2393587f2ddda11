"""Programs with C in them, built by smidgen with caches that outlive a test run: the first one compiles a C library."""

import os
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from smidgen.gobuild.cgo.target import c_target
from smidgen.gobuild.cgo.zig import find_zig
from support.go_tools import cache_directory, locked

SOURCES = Path(__file__).with_name("cgo_programs")


def c_environment(*architectures: str) -> Mapping[str, str]:
    """Give variables for builds with C, once the C library is compiled for each of *architectures* (GOARCH)."""
    cache = cache_directory() / "zig" / version("ziglang")
    with locked(f"zig-{version('ziglang')}") as root:
        for architecture in architectures:
            done = cache / f"{architecture}.done"
            if not done.exists():
                cache.mkdir(parents=True, exist_ok=True)
                _compile_nothing(c_target({"GOARCH": architecture}).triple, cache)
                done.touch()
    return {"ZIG_GLOBAL_CACHE_DIR": str(cache), "XDG_CACHE_HOME": str(root / "cgo"), "GOFLAGS": "-buildvcs=false"}


def _compile_nothing(triple: str, cache: Path) -> None:
    zig = find_zig(os.environ).path
    caches = {"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}
    command = [zig, "cc", "-target", triple, "-static", "-s", "-o", str(cache / f"{triple}.out"), "-xc", "-"]
    subprocess.run(command, input=b"int main(void) { return 0; }", check=True, env=os.environ | caches)
