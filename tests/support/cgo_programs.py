"""Programs with C in them, built by smidgen with caches that outlive a test run: the first one compiles a C library."""

import os
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from smidgen.gobuild.cgo.compiler import Compiler, compiler_for
from smidgen.gobuild.cgo.sysroot import Sysroot
from smidgen.gobuild.cgo.target import c_target
from smidgen.gobuild.cgo.zig import find_zig
from smidgen.gobuild.environment import platform_variables
from smidgen.oci.platform import Platform
from support.go_tools import cache_directory, locked

SOURCES = Path(__file__).with_name("cgo_programs")


def c_environment(*platforms: str) -> Mapping[str, str]:
    """Give variables for builds with C, once the C library is compiled for *platforms*, such as amd64 and arm/v7."""
    environ = zig_caches()
    cache = Path(environ["ZIG_GLOBAL_CACHE_DIR"])
    with locked(f"zig-{version('ziglang')}"):
        for platform in platforms:
            variables = platform_variables(Platform.parse(f"linux/{platform}"))
            compiler = compiler_for(c_target(variables), find_zig(os.environ), Sysroot(), os.environ | environ)
            done = cache / f"{Path(compiler.directory).name}.done"
            compiler.write()
            if not done.exists():
                cache.mkdir(parents=True, exist_ok=True)
                _compile_nothing(compiler, cache / "nothing.out")
                done.touch()
    return environ | {"GOFLAGS": "-buildvcs=false"}


def zig_caches() -> dict[str, str]:
    """Give variables that name the caches of C compilers, which all test runs have in common."""
    root = cache_directory()
    return {"ZIG_GLOBAL_CACHE_DIR": str(root / "zig" / version("ziglang")), "XDG_CACHE_HOME": str(root / "cgo")}


def _compile_nothing(compiler: Compiler, output: Path) -> None:
    variables = compiler.variables()
    command = [variables["CC"], "-s", "-o", str(output), "-xc", "-"]
    subprocess.run(command, input=b"int main(void) { return 0; }", check=True, env=os.environ | variables)
