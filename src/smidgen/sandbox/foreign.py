"""Images for another machine: run by the kernel where qemu is registered with it, else through qemu by hand.

Source: Documentation/admin-guide/binfmt-misc.rst of Linux 6.x; qemu-user(1).
"""

import os
import shutil
from pathlib import Path
from typing import Final

from smidgen.errors import ProgramNotRunnable

_REGISTERED: Final = Path("/proc/sys/fs/binfmt_misc")

# GOARCH of this machine → those that its kernel runs by itself.
_NATIVE: Final = {"amd64": {"amd64", "386"}, "arm64": {"arm64", "arm"}}
# GOARCH → qemu's name.
_QEMU: Final = {
    "386": "i386",
    "amd64": "x86_64",
    "arm": "arm",
    "arm64": "aarch64",
    "loong64": "loongarch64",
    "mips": "mips",
    "mips64": "mips64",
    "mips64le": "mips64el",
    "mipsle": "mipsel",
    "ppc64": "ppc64",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}


def is_foreign(architecture: str, host: str) -> bool:
    """Tell whether a program of *architecture* needs an emulator on *host*, both as GOARCH."""
    return bool(architecture) and architecture not in _NATIVE.get(host, {host})


def find_emulator(architecture: str) -> str | None:
    """Find how to run programs of *architecture*: the path of a static qemu, or None where the kernel does it.

    Raises:
        ProgramNotRunnable: Neither; says what to install.
    """
    name = _QEMU.get(architecture)
    if name is not None and _is_registered(_REGISTERED / f"qemu-{name}"):
        return None
    for candidate in (f"qemu-{name}-static", f"qemu-{name}"):
        path = shutil.which(candidate) if name is not None else None
        if path is not None and _is_static(path):
            return path
    raise ProgramNotRunnable(
        f"the image is for {architecture}, this machine is {os.uname().machine}, and no emulator was found",
        hint="install qemu-user-static, or choose the image for this machine with --platform",
    )


def _is_registered(entry: Path) -> bool:
    """Tell whether the kernel has a handler that works in another root, for which it must have opened it (flag F)."""
    try:
        lines = entry.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line.removeprefix("flags:").strip() for line in lines if line.startswith("flags:")), "")
    return "enabled" in lines and "F" in flags


def _is_static(path: str) -> bool:
    """Tell whether an executable runs without libraries, which the image would not have."""
    from mmap import ACCESS_READ, mmap  # noqa: PLC0415

    from smidgen.elf.header import parse_elf  # noqa: PLC0415
    from smidgen.errors import InvalidExecutable  # noqa: PLC0415

    with open(path, "rb") as file:
        try:
            return parse_elf(mmap(file.fileno(), 0, access=ACCESS_READ)).is_static
        except InvalidExecutable:
            return False
