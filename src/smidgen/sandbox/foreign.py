"""Images for another machine: run by the kernel where qemu is registered with it, else through qemu by hand.

Source: Documentation/admin-guide/binfmt-misc.rst of Linux 6.x; qemu-user(1).
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
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


def find_emulator(architecture: str, head: bytes, *, handlers: Path = _REGISTERED) -> str | None:
    """Find how to run a program: the path of a static qemu, or None where the kernel starts one by itself.

    Args:
        architecture: GOARCH of the program.
        head: Its first bytes, by which the kernel would know it.
        handlers: Where the kernel lists its handlers.

    Raises:
        ProgramNotRunnable: Neither; says what to install.
    """
    if any(_takes(entry, head) for entry in _entries(handlers)):
        return None
    name = _QEMU.get(architecture)
    for candidate in (f"qemu-{name}-static", f"qemu-{name}"):
        path = shutil.which(candidate) if name is not None else None
        if path is not None and _is_static(path):
            return path
    raise ProgramNotRunnable(
        f"the image is for {architecture}, this machine is {os.uname().machine}, and no emulator was found",
        hint="install qemu-user-static, or choose the image for this machine with --platform",
    )


def _entries(handlers: Path) -> Iterator[dict[str, str]]:
    """Read the kernel's handlers: each line is a name and a value, ``enabled`` stands alone."""
    try:
        names = sorted(os.listdir(handlers))
    except OSError:
        return
    for name in names:
        if name in {"register", "status"}:
            continue
        with contextlib.suppress(OSError):
            lines = (handlers / name).read_text(encoding="ascii", errors="replace").splitlines()
            yield {first.rstrip(":"): rest for first, _, rest in (line.partition(" ") for line in lines)}


def _takes(entry: dict[str, str], head: bytes) -> bool:
    """Tell whether a handler starts a program, in another root too, for which it must have opened qemu (flag F)."""
    if "enabled" not in entry or "F" not in entry.get("flags", "") or not entry.get("magic"):
        return False
    try:
        magic, offset = bytes.fromhex(entry["magic"]), int(entry.get("offset", "0"))
        mask = bytes.fromhex(entry["mask"]) if "mask" in entry else b"\xff" * len(magic)
    except ValueError:
        return False
    part = head[offset : offset + len(magic)]
    if len(part) != len(magic) or len(mask) != len(magic):
        return False
    return all((byte ^ wanted) & bits == 0 for byte, wanted, bits in zip(part, magic, mask, strict=True))


def _is_static(path: str) -> bool:
    """Tell whether an executable runs without libraries, which the image would not have."""
    from mmap import ACCESS_READ, mmap

    from smidgen.elf.header import parse_elf
    from smidgen.errors import InvalidExecutable

    with open(path, "rb") as file:
        try:
            return parse_elf(mmap(file.fileno(), 0, access=ACCESS_READ)).is_static
        except InvalidExecutable:
            return False
