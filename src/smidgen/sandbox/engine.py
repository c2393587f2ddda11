"""Handing an image over to docker or podman: loaded into the engine, and run there with the same options."""

import re
import shutil
import signal
import subprocess
import threading
from typing import Final

from smidgen.errors import RuntimeNotFound, SandboxError
from smidgen.image.image import Image
from smidgen.sandbox.launch import Wishes
from smidgen.sandbox.ports import Publish
from smidgen.transfer.engine import Engine, load_into

_LOADED: Final = re.compile(r"^Loaded image(?: ID|\(s\))?: (\S+)", re.MULTILINE)


def run_with_engine(
    engine: Engine, image: Image, wishes: Wishes, publish: tuple[Publish, ...], *, network: str, interactive: bool
) -> int:
    """Load *image*, a single one, into *engine* and run it there; the image stays, the container does not.

    Raises:
        RuntimeNotFound: No such engine on this machine.
        SandboxError: The engine does not take the image.
    """
    if shutil.which(engine) is None:
        raise RuntimeNotFound(f"no {engine} on this machine", hint=f"install {engine}, or leave out --runtime")
    name = load_into_engine(engine, image)
    command = [engine, "run", "--rm", *_options(wishes, publish, network, interactive=interactive), name]
    return _foreground([*command, *wishes.arguments])


def load_into_engine(engine: Engine, image: Image) -> str:
    """Load *image* into *engine*; give the name under which it is there.

    Raises:
        SandboxError: The engine does not take it; with its own words.
    """
    said = load_into(engine, image.store, [(image.reference, image.descriptor)])
    names = _LOADED.findall(said)
    if not names:
        raise SandboxError(f"{engine} load did not say what it loaded: {said!r}")
    return str(names[-1])


def _options(wishes: Wishes, publish: tuple[Publish, ...], network: str, *, interactive: bool) -> list[str]:
    options = [flag for flag, wanted in (("-i", interactive), ("-t", wishes.terminal)) if wanted]
    for port in publish:
        address = f"[{port.address}]" if ":" in port.address else port.address
        where = f"{address}:" if address else ""
        options += ["-p", f"{where}{port.host_port or ''}:{port.port}" if where or port.host_port else str(port.port)]
    for line in wishes.environment:
        options += ["-e", line]
    for volume in wishes.volumes:
        volume.check()
        options += ["-v", f"{volume.source}:{volume.target}{':ro' if volume.read_only else ''}"]
    if wishes.user is not None:
        options += ["--user", wishes.user]
    if wishes.directory is not None:
        options += ["--workdir", wishes.directory]
    if wishes.entrypoint is not None:
        options += ["--entrypoint", wishes.entrypoint[0] if wishes.entrypoint else ""]
    if wishes.read_only:
        options.append("--read-only")
    if network == "host" or (network in {"private", "none"} and not publish):
        options += ["--network", "host" if network == "host" else "none"]
    return options


def _foreground(command: list[str]) -> int:
    """Run *command* on this terminal; it gets the terminal's signals itself, and SIGTERM from here."""
    with subprocess.Popen(command) as process:
        if threading.current_thread() is not threading.main_thread():
            return process.wait()
        before = {
            signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
            signal.SIGTERM: signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number)),
        }
        try:
            code = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return 128 - code if code < 0 else code
