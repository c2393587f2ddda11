"""The probe's executable: of the installed package, or compiled on first use where smidgen runs from its sources."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from smidgen.errors import CompileError, ToolchainNotFound, UsageError
from smidgen.layer.entry import Entry
from smidgen.needs.probe.address import PROBE_PATH
from smidgen.needs.probe.compiler import SOURCES, TARGETS, command, compile_probe, find_zig, zig_version
from smidgen.needs.provision import Provision
from smidgen.oci.platform import Platform

_PACKAGED = Path(__file__).with_name("built")


def probe_provision(platform: Platform, cache: Path) -> Provision:
    """Give the layer with the probe alone; its digest is the same in every image for that architecture.

    Args:
        platform: What the image runs on.
        cache: A directory of the user's own, where what is compiled is kept.

    Raises:
        UsageError: There is no probe for the platform.
        ToolchainNotFound: It has to be compiled, and there is no zig.
        CompileError: zig refused it.
    """
    content = probe_binary(platform, cache)
    path = PROBE_PATH.removeprefix("/")
    return Provision(
        entries=lambda: (Entry.file(path, content, mode=0o755),),
        key=f"probe\0{hashlib.sha256(content).hexdigest()}",
        description=f"probe for health checks ({PROBE_PATH})",
    )


def probe_binary(platform: Platform, cache: Path, *, find: Callable[[], str | None] = find_zig) -> bytes:
    """Give the probe's executable for *platform*; *find* gives the compiler, the rest is as in `probe_provision`."""
    architecture = platform.architecture
    if platform.os != "linux" or architecture not in TARGETS:
        raise UsageError(
            f"there is no probe for {platform}, only for linux on {', '.join(TARGETS)}",
            hint="let the program check itself: --healthcheck 'CMD /PROGRAM ARGUMENTS'",
        )
    packaged = _PACKAGED / f"probe-{architecture}"
    return packaged.read_bytes() if packaged.is_file() else _compiled(architecture, cache, find())


def _compiled(architecture: str, cache: Path, zig: str | None) -> bytes:
    """Compile it, or take what was compiled from the same source by the same zig."""
    if zig is None:
        raise ToolchainNotFound(
            "the probe for health checks has to be compiled, as smidgen runs from its sources, and there is no zig",
            hint="`pip install ziglang`, or install smidgen as a package, which brings the probe",
        )
    try:
        whole = hashlib.sha256(zig_version(zig).encode())
        whole.update("\0".join(command("", architecture, Path())[1:-1]).encode())
        for source in SOURCES:
            whole.update(b"\0" + source.read_bytes())
        kept = cache / f"{architecture}-{whole.hexdigest()}"
        if not kept.is_file():
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix="compiling-") as directory:
                made = Path(directory, "probe")
                compile_probe(zig, architecture, made)
                # In one step, so that another process sees all of it or nothing.
                os.replace(made, kept)
        return kept.read_bytes()
    except subprocess.CalledProcessError as error:
        raise CompileError(f"zig could not compile the probe for {architecture}", output=error.stderr or "") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainNotFound(f"{zig} cannot be used: {error}", hint="`pip install ziglang`") from error
