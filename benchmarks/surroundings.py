"""What the contenders need around them: a registry with an empty base for ko, and a Go image for docker."""

import io
import re
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contenders import PLATFORMS, start


@contextmanager
def registry(crane: Path, work: Path) -> Iterator[str]:
    """Serve an empty registry on the loopback address; gives ``127.0.0.1:PORT``."""
    log = work / "registry.log"
    command = [str(crane), "registry", "serve", "--address", "127.0.0.1:0"]
    with log.open("w") as stream, subprocess.Popen(command, stderr=stream) as process:
        try:
            yield f"127.0.0.1:{_port(process, log)}"
        finally:
            process.terminate()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """Wait for the line that tells the port."""
    while process.poll() is None:
        if found := re.search(r"serving on port (\d+)", log.read_text()):
            return int(found[1])
        time.sleep(0.05)
    raise RuntimeError(f"the registry did not start:\n{log.read_text()}")


def empty_base(crane: Path, host: str, work: Path) -> str:
    """Put an image of four platforms with one layer and no file into the registry; gives its name."""
    empty = work / "empty.tar"
    with tarfile.open(fileobj=(buffer := io.BytesIO()), mode="w"):
        pass
    empty.write_bytes(buffer.getvalue())
    name = f"{host}/base"
    members = []
    for platform in PLATFORMS:
        member = f"{name}:{platform.replace('/', '-')}"
        start([str(crane), "append", "--oci-empty-base", "-f", str(empty), "-t", member], cwd=work)
        start([str(crane), "mutate", "--set-platform", platform, "-t", member, member], cwd=work)
        members += ["-m", member]
    start([str(crane), "index", "append", *members, "-t", f"{name}:latest"], cwd=work)
    return f"{name}:latest"
