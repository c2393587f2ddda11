"""From an unpacked image and wishes to a running cell: what ``run`` and ``prove`` have in common."""

import os
import stat
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final, Self

from smidgen.errors import SandboxError
from smidgen.image.image import Image
from smidgen.oci.config import ImageConfig
from smidgen.oci.digest import encoded
from smidgen.oci.platform import host_platform
from smidgen.sandbox.cell.job import Job, Probe
from smidgen.sandbox.container import CAPABILITIES, Bind, Container, command_line, environment
from smidgen.sandbox.foreign import find_emulator, is_foreign
from smidgen.sandbox.identity import Identity, Rights
from smidgen.sandbox.ports import Listening
from smidgen.sandbox.processor import check_processor
from smidgen.sandbox.program import find_program
from smidgen.sandbox.rootfs import RootFS, write_owners
from smidgen.sandbox.runtime import Command, Kind, Runtime, find_runtime, prepare
from smidgen.sandbox.session import Session, host_environment
from smidgen.sandbox.users import User, resolve_user
from smidgen.sandbox.volumes import Volume

_EMULATOR: Final = "/.smidgen-emulator"
# The group of terminals, to which /dev/pts gives them.
_TTY_GROUP: Final = 5
_HOSTNAME_LENGTH: Final = 12
_MAX_HOST_FILE: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a container shall differ from what its image says.

    Attributes:
        arguments: Take the place of the image's ``Cmd``.
        entrypoint: Takes the place of the image's ``Entrypoint``.
        environment: ``NAME=VALUE``.
        user: Takes the place of the image's ``User``.
        directory: Takes the place of the image's ``WorkingDir``.
        volumes: Of the host.
        private_network: Loopback only, rather than the host's network.
        read_only: The root file system cannot be written, but for its volumes.
        hostile: As production is at its worst: no capabilities, no new privileges, read-only.
        terminal: Give the program a terminal.
        runtime: ``auto`` or the name of one.
    """

    arguments: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    environment: tuple[str, ...] = ()
    user: str | None = None
    directory: str | None = None
    volumes: tuple[Volume, ...] = ()
    private_network: bool = False
    read_only: bool = False
    hostile: bool = False
    terminal: bool = False
    runtime: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A container that can be started, once or several times.

    Attributes:
        program: Path of the program in the image.
        emulated: It runs in qemu.
        writable: Paths that can be written although the root file system cannot.
        notes: What differs from what was asked, for people.
        owners: See ``Job.owners``.
    """

    root: RootFS
    container: Container
    runtime: Runtime
    identity: Identity
    private_network: bool
    hostile: bool
    program: str
    emulated: bool
    writable: tuple[str, ...]
    notes: tuple[str, ...]
    owners: str


def plan(image: Image, root: RootFS, identity: Identity, wishes: Wishes) -> Plan:
    """Work out the container of *image*, a single image unpacked to *root*, and make its mount points.

    Raises:
        SandboxError: It cannot be run as asked.
    """
    config = image.config
    user, runtime, notes = _who(root, identity, wishes, config)
    # An ordinary user that has to be called 0 here must not gain by it.
    powerless = wishes.hostile or bool(notes)
    hostname = _hostname(image, wishes)
    variables = environment(config.run, wishes.environment, _extra_variables(user, hostname, wishes))
    directory = wishes.directory or config.run.working_dir or "/"
    line = command_line(config.run, wishes.entrypoint, wishes.arguments)
    directory = _working_directory(root, directory)
    program = find_program(root, line[0], environment=variables, directory=directory, user=user)
    emulator = None
    if foreign := is_foreign(program.architecture, host_platform().architecture):
        emulator = find_emulator(program.architecture, program.head)
    elif program.architecture == config.architecture:
        check_processor(config.platform)
    binds, writable = _binds(root, wishes, config, hostname)
    if emulator is not None:
        binds.append(Bind(source=emulator, target=root.mount_point(_EMULATOR, directory=False), read_only=True))
        line = (_EMULATOR, "-0", line[0], program.path, *line[1:])
    container = Container(
        root=str(root.path),
        arguments=line,
        environment=variables,
        directory=directory,
        user=user,
        capabilities=() if powerless else CAPABILITIES,
        no_new_privileges=wishes.hostile,
        read_only=wishes.read_only or wishes.hostile,
        hostname=hostname,
        binds=tuple(binds),
        terminal=wishes.terminal and runtime.kind is not Kind.BWRAP,
        host_sys=(identity.user_namespace or identity.nested) and not wishes.private_network,
        only_ids=not identity.knows(0, _TTY_GROUP),
    )
    owners = str(write_owners(image, root.directory)) if identity.rights is Rights.MAPPED else ""
    return Plan(
        root=root,
        container=container,
        runtime=runtime,
        identity=identity,
        private_network=wishes.private_network,
        hostile=wishes.hostile,
        program=program.path,
        emulated=foreign,
        writable=writable,
        notes=notes,
        owners=owners,
    )


@dataclass(frozen=True, slots=True)
class Started:
    """A container that runs; leaving it ends it."""

    session: Session
    command: Command

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()


def start(
    made: Plan,
    *,
    listening: Sequence[Listening] = (),
    watch: str = "",
    probe: Probe | None = None,
    stdin: int | None = subprocess.DEVNULL,
    output: int | IO[bytes] | None = None,
) -> Started:
    """Start the container of a plan."""
    directory = _fresh(made.root.directory)
    command = prepare(made.runtime, made.container, made.identity, directory)
    job = Job(
        directory=str(made.root.directory),
        root=str(made.root.path),
        arguments=command.arguments,
        environment=host_environment(),
        user_namespace=made.identity.user_namespace,
        private_network=made.private_network,
        low_ports=not made.hostile,
        owners=made.owners,
        pid_file=command.pid_file,
        info=command.info,
        filter_path=command.filter_path,
        stage=command.stage,
        drop_to=command.drop_to,
        groups=command.groups,
        listeners=[[one.socket.fileno(), one.port] for one in listening],
        watch=watch,
        probe=probe,
    )
    session = Session(
        job,
        made.identity,
        stdin=stdin,
        output=output,
        descriptors=tuple(one.socket.fileno() for one in listening),
        foreground=made.container.terminal,
    )
    return Started(session, command)


def _who(
    root: RootFS, identity: Identity, wishes: Wishes, config: ImageConfig
) -> tuple[User, Runtime, tuple[str, ...]]:
    text = wishes.user if wishes.user is not None else config.run.user
    user = resolve_user(text, passwd=root.read_text("/etc/passwd"), group=root.read_text("/etc/group"))
    runtime = find_runtime(wishes.runtime, identity, user.uid, user.gid)
    if runtime.kind is Kind.BWRAP or identity.knows(user.uid, user.gid):
        return user, runtime, ()
    note = (
        f"runs as 0:0 of a user namespace, not as {user.uid}:{user.gid}: without subordinate ids "
        f"(/etc/subuid, newuidmap) {runtime.kind} knows one id only; bubblewrap would do better"
    )
    return replace(user, uid=0, gid=0, groups=()), runtime, (note,)


def _hostname(image: Image, wishes: Wishes) -> str:
    return encoded(image.digest)[:_HOSTNAME_LENGTH] if wishes.private_network else os.uname().nodename


def _extra_variables(user: User, hostname: str, wishes: Wishes) -> dict[str, str]:
    extra = {"HOSTNAME": hostname, "HOME": user.home}
    return {**extra, "TERM": "xterm"} if wishes.terminal else extra


def _working_directory(root: RootFS, directory: str) -> str:
    path = os.path.normpath(directory)
    if not path.startswith("/"):
        raise SandboxError(f"working directory {directory!r} is relative, expected an absolute path")
    return "/" if path.strip("/") == "" else root.mount_point(path, directory=True)


def _binds(root: RootFS, wishes: Wishes, config: ImageConfig, hostname: str) -> tuple[list[Bind], tuple[str, ...]]:
    binds, writable = [], []
    if wishes.read_only or wishes.hostile:
        # The copy's own directories, so that content, owners and modes are the image's.
        for path in _writable(root, config, hostile=wishes.hostile):
            target = root.mount_point(path, directory=True)
            binds.append(Bind(source=f"{root.path}{target}", target=target))
            writable.append(target)
    for path, text in _host_files(wishes, hostname).items():
        binds.append(_host_file(root, path, text, read_only=wishes.hostile))
    for volume in wishes.volumes:
        volume.check()
        target = root.mount_point(volume.target, directory=os.path.isdir(volume.source))
        binds.append(Bind(source=volume.source, target=target, read_only=volume.read_only))
    for path, kind in (("/proc", 0o555), ("/dev", 0o755), ("/sys", 0o555)):
        root.mount_point(path, directory=True, mode=kind)
    return binds, tuple(writable)


def _writable(root: RootFS, config: ImageConfig, *, hostile: bool) -> Iterable[str]:
    volumes = sorted(config.run.volumes or ())
    status = root.stat("/tmp")  # noqa: S108
    if hostile and status is not None and stat.S_ISDIR(status.st_mode) and "/tmp" not in volumes:  # noqa: S108
        return ["/tmp", *volumes]  # noqa: S108
    return volumes


def _host_files(wishes: Wishes, hostname: str) -> dict[str, str]:
    """Give the files that every engine provides, whatever the image has."""
    own = f"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\t{hostname}\n"
    return {
        "/etc/hostname": f"{hostname}\n",
        "/etc/hosts": own if wishes.private_network else _read("/etc/hosts") or own,
        "/etc/resolv.conf": _read("/etc/resolv.conf"),
    }


def _host_file(root: RootFS, path: str, text: str, *, read_only: bool) -> Bind:
    source = root.directory / path.rpartition("/")[2]
    source.write_text(text, encoding="utf-8", errors="surrogateescape")
    source.chmod(0o644)
    # An image may have a link here that leads nowhere until an engine has mounted its file.
    with_link_gone(root, path)
    return Bind(source=str(source), target=root.mount_point(path, directory=False), read_only=read_only)


def with_link_gone(root: RootFS, path: str) -> None:
    """Take a symbolic link at *path* away from the copy, where it leads nowhere."""
    if root.stat(path) is not None:
        return
    try:
        parent = root.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        os.unlink(os.path.basename(path), dir_fd=parent)
    except FileNotFoundError:
        return
    finally:
        os.close(parent)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(_MAX_HOST_FILE)
    except OSError:
        return ""


def _fresh(directory: Path) -> Path:
    """Make a place for one start; its name is the container's name."""
    number = 0
    while True:
        try:
            (path := directory / f"{directory.name}-{number}").mkdir()
        except FileExistsError:
            number += 1
        else:
            return path
