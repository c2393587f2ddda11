"""How the probe is compiled: by zig, a C compiler for every machine in one package.

This module imports nothing of smidgen, as the hook that builds a wheel loads it by its path.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("probe.c")
#: All that the compiler reads.
SOURCES: Final = (SOURCE, SOURCE.with_name("machine.h"))
#: GOARCH → the compiler's target and processor. One for all variants of arm: the oldest, which the others run.
TARGETS: Final[Mapping[str, tuple[str, ...]]] = {
    "386": ("x86-linux-musl",),
    "amd64": ("x86_64-linux-musl",),
    "arm": ("arm-linux-musleabi", "-mcpu=arm926ej_s"),
    "arm64": ("aarch64-linux-musl",),
    # Without vectors, which not every processor has, nor every emulator.
    "loong64": ("loongarch64-linux-musl", "-mcpu=la64v1_0-lsx"),
    "ppc64le": ("powerpc64le-linux-musl",),
    "riscv64": ("riscv64-linux-musl",),
    "s390x": ("s390x-linux-musl",),
}
#: It stands alone, so that it is small: no C library, no tables for unwinding, no checks that call into a library.
_FLAGS: Final = (
    "-std=gnu11",
    "-Os",
    "-ffreestanding",
    "-nostdlib",
    "-static",
    "-fno-pic",
    "-fno-pie",
    "-fno-stack-protector",
    "-fno-sanitize=all",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-fomit-frame-pointer",
    "-Wl,--gc-sections",
    "-Wl,--build-id=none",
    "-Wl,-s",
)
_LIMIT: Final = 300.0


def find_zig(search_path: str | None = None) -> str | None:
    """Find zig: that of the package ``ziglang``, else the one on the search path; None where there is none."""
    spec = importlib.util.find_spec("ziglang")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for name in ("zig", "zig.exe"):
            if os.path.isfile(os.path.join(place, name)):
                return os.path.join(place, name)
    return shutil.which("zig", path=search_path)


def zig_version(zig: str) -> str:
    """Ask *zig* for its release.

    Raises:
        OSError: It cannot be started.
        subprocess.SubprocessError: It fails.
    """
    return subprocess.run([zig, "version"], capture_output=True, text=True, check=True, timeout=_LIMIT).stdout.strip()


def command(zig: str, architecture: str, output: Path) -> list[str]:
    """Give the command that compiles the probe for *architecture*, a key of ``TARGETS``."""
    target, *processor = TARGETS[architecture]
    return [zig, "cc", "-target", target, *processor, *_FLAGS, "-o", str(output), str(SOURCE)]


def compile_probe(zig: str, architecture: str, output: Path) -> None:
    """Compile the probe; the bytes depend on the source, on these flags and on the release of zig alone.

    Args:
        zig: The compiler.
        architecture: A key of ``TARGETS``.
        output: The file to write; zig's own caches go beside it.

    Raises:
        OSError: The compiler cannot be started.
        subprocess.SubprocessError: It refuses, or takes minutes; ``stderr`` has its words.
    """
    cache = str(output.with_name("zig-cache"))
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
    subprocess.run(
        command(zig, architecture, output),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=_LIMIT,
    )


def compile_all(directory: Path) -> None:
    """Compile the probe for every architecture to ``DIRECTORY/probe-ARCHITECTURE``, for a package.

    Raises:
        RuntimeError: There is no zig.
    """
    zig = find_zig()
    if zig is None:
        raise RuntimeError(f"no zig to compile {SOURCE.name}: `{sys.executable} -m pip install ziglang`")
    for architecture in TARGETS:
        compile_probe(zig, architecture, directory / f"probe-{architecture}")
