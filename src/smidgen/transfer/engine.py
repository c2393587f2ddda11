"""Handing images over to a container engine of this machine, and taking them from it."""

import io
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, BinaryIO, Final, Literal, cast

from smidgen.errors import NotFound, SandboxError
from smidgen.oci.platform import Platform
from smidgen.store.archive import Item, write_archive
from smidgen.store.content import ContentStore
from smidgen.transfer.daemon import Daemon, engine_address, is_absent

Engine = Literal["docker", "podman"]

#: Every engine by its name.
ENGINES: Final[Mapping[str, Engine]] = {"docker": "docker", "podman": "podman"}
_MAX_SAID: Final = 2000


def load_into(
    engine: Engine,
    store: ContentStore,
    items: Iterable[Item],
    *,
    platform: Platform | None = None,
    environ: Mapping[str, str] | None = None,
) -> str:
    """Have *engine* load *items*; nothing is written to disk on the way.

    Args:
        engine: Which.
        store: Has the content.
        items: Name and manifest or index of each image.
        platform: What the engine runs; this machine's by default.
        environ: Says where Docker's engine is; this process's by default.

    Returns:
        What the engine said.

    Raises:
        SandboxError: The engine is not installed, not running, or refused the archive.
    """
    environ = os.environ if environ is None else environ
    if engine == "docker" and (address := engine_address(environ)):
        return Daemon(address).load(lambda file: write_archive(store, items, file, platform=platform))
    with subprocess.Popen(
        [_program(engine), "load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ
    ) as process:
        assert process.stdin is not None  # noqa: S101
        said = _fed(process, process.stdin, store, items, platform)
    if process.returncode != 0:
        raise SandboxError(
            f"{engine} load ended with {process.returncode}: {said.strip()}", hint=f"does `{engine} info` work?"
        )
    return said.strip()


@contextmanager
def saved_by_docker(name: str, *, environ: Mapping[str, str] | None = None) -> Iterator[BinaryIO]:
    """Open the archive of Docker's image *name* for reading, once and forwards.

    Raises:
        NotFound: It has no such image.
        SandboxError: It is not installed, not running, or refused.
    """
    environ = os.environ if environ is None else environ
    if address := engine_address(environ):
        with Daemon(address).save(name) as stream:
            yield stream
        return
    with subprocess.Popen(
        [_program("docker"), "save", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
    ) as process:
        assert process.stderr is not None  # noqa: S101
        assert isinstance(process.stdout, io.BufferedReader)  # noqa: S101
        if process.stdout.peek(1):
            try:
                yield process.stdout
            finally:
                process.kill()
            return
        said = process.stderr.read(_MAX_SAID).decode(errors="replace").strip()
    if is_absent(said):
        raise NotFound(f"image {name!r} in docker", hint="`docker images` lists what there is")
    raise SandboxError(f"docker save ended with {process.returncode}: {said}", hint="does `docker info` work?")


def _program(engine: Engine) -> str:
    program = shutil.which(engine)
    if program is None:
        raise SandboxError(
            f"{engine} is not on PATH", hint=f"install {engine}, or write an archive and load it where {engine} is"
        )
    return program


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
