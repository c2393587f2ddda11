"""Handing images over to a container engine that is installed beside smidgen."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from typing import IO, BinaryIO, Final, Literal, cast

from smidgen.errors import SandboxError
from smidgen.oci.platform import Platform
from smidgen.store.archive import Item, write_archive
from smidgen.store.content import ContentStore

Engine = Literal["docker", "podman"]

#: Every engine by its name.
ENGINES: Final[Mapping[str, Engine]] = {"docker": "docker", "podman": "podman"}


def load_into(engine: Engine, store: ContentStore, items: Iterable[Item], *, platform: Platform | None = None) -> str:
    """Pipe *items* into ``docker load`` or ``podman load``; nothing is written to disk on the way.

    Args:
        engine: Which.
        store: Has the content.
        items: Name and manifest or index of each image.
        platform: What the engine runs; this machine's by default.

    Returns:
        What the engine said.

    Raises:
        SandboxError: The engine is not installed, not running, or refused the archive.
    """
    program = shutil.which(engine)
    if program is None:
        raise SandboxError(
            f"{engine} is not on PATH", hint=f"install {engine}, or write a file for it: --tarball image.tar"
        )
    with subprocess.Popen(
        [program, "load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdin is not None  # noqa: S101
        said = _fed(process, process.stdin, store, items, platform)
    if process.returncode != 0:
        raise SandboxError(
            f"{engine} load ended with {process.returncode}: {said.strip()}", hint=f"does `{engine} info` work?"
        )
    return said.strip()


def _fed(
    process: "subprocess.Popen[bytes]",
    pipe: IO[bytes],
    store: ContentStore,
    items: Iterable[Item],
    platform: Platform | None,
) -> str:
    try:
        write_archive(store, items, cast("BinaryIO", pipe), platform=platform)
    except BrokenPipeError:
        # It stopped reading: what it said tells why.
        pass
    except BaseException:
        process.kill()
        raise
    output, _ = process.communicate()
    return output.decode(errors="replace")
