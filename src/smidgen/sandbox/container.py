"""What a program gets to see: a container as a value, planned from an image's configuration and the user's wishes.

Source: OCI image-spec v1.1.1, ``config.md`` and ``conversion.md``; docker's defaults where they are silent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from smidgen.errors import SandboxError
from smidgen.oci.config import RunConfig
from smidgen.sandbox.users import User

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: Docker's fourteen but MKNOD: nothing here keeps a container's superuser from the host's devices
#: once it can make nodes, as control groups do for docker. Podman leaves it out too. See ``Container.devices``.
CAPABILITIES: Final = (
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)

#: What every container has in ``/dev``, see the OCI runtime specification ("Default Devices").
DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")

#: Hidden from every container, as docker does.
MASKED: Final = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
#: Readable at most.
READ_ONLY: Final = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A directory or file from outside.

    Attributes:
        source: Absolute path of the host.
        target: Absolute path in the container, free of symbolic links, and existing there.
        read_only: Whether the container may only read it.
    """

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tmpfs:
    """A directory in memory, empty at first.

    Attributes:
        target: Absolute path in the container, free of symbolic links, and existing there.
        size: Most bytes in it, or 0 for the kernel's own bound.
    """

    target: str
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A program and its surroundings; what runtimes are told is rendered from it.

    Attributes:
        root: Root file system, an absolute path of the host.
        arguments: The program and its arguments.
        environment: ``NAME=VALUE``, each name once.
        directory: Working directory, absolute.
        user: Who it runs as.
        capabilities: What it may ever get, see ``granted``; the superuser has them at once.
        no_new_privileges: Set-user-id files have no effect.
        read_only: The root file system cannot be written.
        hostname: Its own name.
        binds: What is mounted, in that order.
        terminal: Its input and output are a terminal.
        devices: Devices of the host that are mounted, in place of nodes that are made for the container. Where there
            are any, the superuser may make nodes of its own, and no file system that it can write to lets anybody
            open one.
        host_sys: ``/sys`` is the host's, as a new one cannot be mounted here.
        only_ids: No other ids exist than those of the program.
    """

    root: str
    arguments: tuple[str, ...]
    environment: tuple[str, ...]
    directory: str
    user: User
    capabilities: tuple[str, ...] = CAPABILITIES
    no_new_privileges: bool = False
    read_only: bool = False
    hostname: str
    binds: tuple[Bind | Tmpfs, ...] = ()
    terminal: bool = False
    devices: tuple[str, ...] = ()
    host_sys: bool = False
    only_ids: bool = False

    @property
    def granted(self) -> tuple[str, ...]:
        """All capabilities that it may ever get."""
        return (*self.capabilities, "CAP_MKNOD") if self.devices else self.capabilities


def command_line(config: RunConfig, entrypoint: tuple[str, ...] | None, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Give the program and its arguments, as docker composes them.

    Arguments take the place of the image's ``Cmd``; another entry point also sets the image's ``Cmd`` aside.

    Raises:
        SandboxError: Nothing to run.
    """
    if entrypoint is not None:
        line = (*entrypoint, *arguments)
    else:
        line = (*(config.entrypoint or ()), *(arguments or config.cmd or ()))
    if not line or not line[0]:
        raise SandboxError(
            "the image says no program to run, and none was given",
            hint="write the program after the image's name, or give --entrypoint",
        )
    return line


def environment(config: RunConfig, own: Iterable[str], extra: Mapping[str, str]) -> tuple[str, ...]:
    """Compose the environment: *extra* where nobody says otherwise, then the image's, then the user's *own*."""
    values = {"PATH": DEFAULT_PATH, **extra}
    for line in (*(config.env or ()), *own):
        name, _, value = line.partition("=")
        if name:
            values[name] = value
    return tuple(f"{name}={value}" for name, value in values.items())
