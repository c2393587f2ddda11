"""Programs with C in them, built by smidgen with caches that outlive a test run: the first one compiles a C library."""

import os
import shutil
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
    cache = cache_directory() / "zig" / version("ziglang")
    with locked(f"zig-{version('ziglang')}") as root:
        environ = {"ZIG_GLOBAL_CACHE_DIR": str(cache), "XDG_CACHE_HOME": str(root / "cgo")}
        for platform in platforms:
            zig, variables = find_zig(os.environ), platform_variables(Platform.parse(f"linux/{platform}"))
            compiler = compiler_for(c_target(variables), zig, Sysroot(), os.environ | environ)
            done = cache / f"{Path(compiler.directory).name}.done"
            _lead_to_one_copy(compiler, cache.with_name(zig.identity))
            compiler.write()
            if not done.exists():
                cache.mkdir(parents=True, exist_ok=True)
                _compile_nothing(compiler, cache / "nothing.out")
                done.touch()
    return environ | {"GOFLAGS": "-buildvcs=false"}


def _lead_to_one_copy(compiler: Compiler, copy: Path) -> None:
    """Let all checkouts of smidgen use one copy of zig: it compiles C libraries again for files of other inodes."""
    if compiler.link is None or copy.exists():
        return
    link, origin = compiler.link
    fresh = copy.with_name(f"{copy.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    # Files of a package are replaced, not written to: where it can be, a copy is another name of the same file.
    try:
        shutil.copytree(origin, fresh, copy_function=os.link, symlinks=True)
    except (OSError, shutil.Error):
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(origin, fresh, symlinks=True)
    fresh.rename(copy)
    Path(link).parent.mkdir(parents=True, exist_ok=True)
    Path(link).unlink(missing_ok=True)
    Path(link).symlink_to(copy)


def _compile_nothing(compiler: Compiler, output: Path) -> None:
    variables = compiler.variables()
    command = [variables["CC"], "-s", "-o", str(output), "-xc", "-"]
    subprocess.run(command, input=b"int main(void) { return 0; }", check=True, env=os.environ | variables)
