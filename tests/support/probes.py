"""The probe for health checks, compiled once, and servers that answer it whatever a test wants them to."""

import functools
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from smidgen.needs.probe.binary import probe_binary
from smidgen.oci.platform import Platform, host_platform
from support.go_tools import cache_directory, go, locked

#: What stands for a machine's processor on another machine.
_EMULATORS = {
    "386": "i386",
    "amd64": "x86_64",
    "arm": "arm",
    "arm64": "aarch64",
    "loong64": "loongarch64",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}
_GRPC_SERVER = Path(__file__).with_name("grpc_health")
_MOST = 1 << 20


@dataclass(frozen=True)
class Verdict:
    """What the probe said, and its exit code."""

    exit_code: int
    said: str


@functools.cache
def compiled(architecture: str) -> Path:
    """Give the probe for linux on *architecture* as a file that can be started."""
    content = probe_binary(Platform(os="linux", architecture=architecture), cache_directory() / "probes")
    path = cache_directory() / "bin" / f"probe-{architecture}"
    with locked(path.name):
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(exist_ok=True)
            path.with_name(f"{path.name}.new").write_bytes(content)
            path.with_name(f"{path.name}.new").chmod(0o755)
            path.with_name(f"{path.name}.new").rename(path)
    return path


def ask(*arguments: str, architecture: str = "") -> Verdict:
    """Run the probe, that of this machine or that of *architecture* in an emulator, to its end."""
    command = [str(compiled(architecture or host_platform().architecture))]
    if architecture:
        emulator = shutil.which(f"qemu-{_EMULATORS[architecture]}-static")
        assert emulator, "no qemu-user-static: `make test` brings it"
        command.insert(0, emulator)
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert not done.stderr, done
    assert done.returncode in {0, 1}, done
    return Verdict(done.returncode, done.stdout)


@contextmanager
def answering(answer: bytes | Callable[[socket.socket], None], *, host: str = "127.0.0.1") -> Iterator[int]:
    """Serve as long as the block takes: each connection gets *answer*, or is handed to it. Gives the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family, backlog=64)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(120)
                if callable(answer):
                    answer(connection)
                else:
                    connection.recv(65536)
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        # Closing alone does not wake a thread that accepts.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@functools.cache
def grpc_server() -> Path:
    """Build a server with gRPC's own health service, and give its executable; its argument is the address."""
    target = cache_directory() / "bin" / "grpc-health-1"
    with locked(target.name):
        if not target.exists():
            environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": ""}
            command = [go(), "build", "-trimpath", "-ldflags=-s -w", "-o", f"{target}.new", "."]
            subprocess.run(command, cwd=_GRPC_SERVER, env=environment, check=True)
            Path(f"{target}.new").rename(target)
    return target
