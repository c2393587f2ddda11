"""arm64 programs on another machine: qemu's user mode, registered with the kernel for as long as a test takes."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Source: qemu's scripts/qemu-binfmt-conf.sh; the first 20 bytes of a little-endian 64-bit ELF file for machine 183.
_MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"


def emulator() -> str:
    """Find the statically linked emulator."""
    found = shutil.which("qemu-aarch64-static")
    assert found, "no qemu-aarch64-static: `make test` brings one"
    return found


@contextmanager
def registered(directory: Path) -> Iterator[None]:
    """Let this kernel start arm64 programs, inside containers too.

    The name is of this process alone, so that parallel tests do not take the emulator from each other. The flag F
    opens the emulator now, so that a container need not hold it.
    """
    directory.mkdir()
    subprocess.run(["mount", "-t", "binfmt_misc", "none", directory], check=True)
    name = f"smidgen-aarch64-{os.getpid()}"
    try:
        (directory / "register").write_text(f":{name}:M::{_MAGIC}:{_MASK}:{emulator()}:OCF")
        try:
            yield
        finally:
            (directory / name).write_text("-1")
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)
