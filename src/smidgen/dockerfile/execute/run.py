"""RUN: a command on a snapshot, with docker's surroundings."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smidgen.dockerfile.execute.agent_socket import agent_socket
from smidgen.dockerfile.execute.cache_mounts import CacheMounts
from smidgen.dockerfile.execute.layers import Chain, Layers, Result
from smidgen.dockerfile.execute.mount_points import RUNTIME, MountPoints
from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.dockerfile.execute.placing import Places
from smidgen.dockerfile.mounts import BindMount, CacheMount, SecretMount, SshMount, TmpfsMount
from smidgen.dockerfile.steps import RunStep, StepMount
from smidgen.errors import ProgramNotFound, ProgramNotRunnable, UsageError
from smidgen.layer.merged import Merged
from smidgen.layer.unpack_overlay import fill_overlay
from smidgen.oci.platform import host_platform
from smidgen.sandbox.cell.job import Overlay
from smidgen.sandbox.container import DEFAULT_PATH, DEVICES, Bind, Container, Tmpfs
from smidgen.sandbox.foreign import find_emulator, is_foreign
from smidgen.sandbox.identity import Identity
from smidgen.sandbox.program import find_program
from smidgen.sandbox.rootfs import run_directory
from smidgen.sandbox.runtime import find_runtime
from smidgen.sandbox.step import Output, SecretFile, Step, run_step, secret_path
from smidgen.sandbox.stop import Stop, Stopped
from smidgen.sandbox.users import User, resolve_user
from smidgen.store.snapshots import Draft

#: The same for every build, so that what a command writes down does not differ.
HOSTNAME: Final = "smidgen-build"
_AGENT: Final = "/run/smidgen/ssh-agent"
_TTY_GROUP: Final = 5
_MAX_HOST_FILE: Final = 1 << 20

#: Gives the directories, the bottom one first, of what a mount's origin has.
Directories = Callable[[StepMount], Sequence[Path]]


class Turns:
    """Lets as many commands run at once as there are cores."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(max(1, len(os.sched_getaffinity(0))))

    @contextlib.contextmanager
    def turn(self, stop: Stop) -> Iterator[None]:
        """Wait for a free core."""
        while not self._free.acquire(timeout=0.2):
            if stop.is_set:
                raise Stopped
        try:
            yield
        finally:
            self._free.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kitchen:
    """What all commands of a build have in common.

    Attributes:
        layers: Outcomes so far.
        identity: With which rights commands are run.
        options: What the user says.
        caches: Directories that commands keep.
        directories: See ``Directories``.
        stop: Ends commands.
        user_xattr: See ``Overlay``.
        opaque: Name of the attribute of opaque directories.
        keeps_owners: Files can belong to any user.
        turns: Of commands.
    """

    layers: Layers
    identity: Identity
    options: ExecuteOptions
    caches: CacheMounts
    directories: Directories
    stop: Stop
    user_xattr: bool
    opaque: str
    keeps_owners: bool
    turns: Turns = field(default_factory=Turns)


def run(kitchen: Kitchen, step: RunStep, chain: Chain, name: str, output: Output) -> tuple[Result, int]:
    """Run the command of *step* on *chain*; give what it changed, to be called *name*, and its exit code.

    Where the exit code is not 0, what it changed is gone.

    Raises:
        SandboxError: It could not be started.
        StepTimeout: It took too long.
        Stopped: It was ended.
    """
    lower = kitchen.layers.directories(chain)
    snapshots = kitchen.layers.snapshots
    with contextlib.ExitStack() as stack:
        draft = stack.enter_context(snapshots.draft())
        directory = stack.enter_context(run_directory(kitchen.identity))
        making = _Making(kitchen, step, view=Merged(lower), draft=draft, directory=directory, stack=stack)
        ready = making.step(lower)
        runtime = find_runtime(kitchen.options.runtime, kitchen.identity, making.user.uid, making.user.gid)
        code = run_step(ready, directory, runtime, kitchen.identity, output=output, stop=kitchen.stop)
        if code == 0:
            snapshots.keep(draft, name)
        return Result(name, making.points.stubs), code


class _Making:
    """A command being made ready."""

    def __init__(
        self,
        kitchen: Kitchen,
        step: RunStep,
        *,
        view: Merged,
        draft: Draft,
        directory: Path,
        stack: contextlib.ExitStack,
    ) -> None:
        self._kitchen = kitchen
        self._step = step
        self._view = view
        self._draft = draft
        self._directory = directory
        self._stack = stack
        self._skeleton = directory / "mount-points"
        self._skeleton.mkdir()
        self.points = MountPoints(view, self._skeleton, keeps_owners=kitchen.keeps_owners)
        self.user = self._user()
        self._overlays: list[Overlay] = []
        self._secrets: list[SecretFile] = []
        self._variables: dict[str, str] = {}

    def step(self, lower: Sequence[Path]) -> Step:
        """Give the command with all that it needs."""
        self._make_directory()
        binds = self._binds()
        self.points.add_own()
        environment = self._environment()
        self._check_program(environment)
        root = self._directory / "root"
        root.mkdir()
        stack = [str(self._skeleton)] if self.points.is_needed else []
        stack += [str(one) for one in reversed(lower)]
        main = self._overlay(root, stack, self._draft.content, self._draft.work)
        network = self._step.network if self._step.network != "default" else self._kitchen.options.network
        identity = self._kitchen.identity
        container = Container(
            root=str(root),
            arguments=self._step.arguments,
            environment=environment,
            directory=self._step.directory,
            user=self.user,
            hostname=HOSTNAME,
            binds=tuple(binds),
            host_sys=identity.nested and network != "none",
            devices=tuple(path for path in DEVICES if os.path.exists(path)) if identity.makes_devices else (),
            only_ids=not identity.knows(0, _TTY_GROUP),
        )
        return Step(
            container=container,
            overlays=(main, *self._overlays),
            private_network=network == "none",
            secrets=tuple(self._secrets),
            drafts=(self._draft.directory,),
            timeout=self._kitchen.options.timeout,
        )

    def _user(self) -> User:
        passwd, group = self._view.read_text("/etc/passwd"), self._view.read_text("/etc/group")
        return resolve_user(self._step.user, passwd=passwd, group=group)

    def _make_directory(self) -> None:
        """Give the upper directory the root's owner and mode, and the working directory if it is missing."""
        places = Places(self._view)
        places.make_directories(self._step.directory, mode=0o755, owner=(0, 0), created=0)
        node = self._view.find(self._step.directory.strip("/"))
        entries = places.finished() if node is None else ()
        fill_overlay(
            entries,
            self._draft.content,
            lower=self._view,
            opaque=self._kitchen.opaque,
            preserve_owners=self._kitchen.keeps_owners,
        )

    def _environment(self) -> tuple[str, ...]:
        values = {"PATH": DEFAULT_PATH, "HOME": self.user.home}
        values.update(self._step.proxies)
        values.update(self._step.environment)
        values.update(self._variables)
        return tuple(f"{name}={value}" for name, value in values.items())

    def _check_program(self, environment: tuple[str, ...]) -> None:
        name = self._step.arguments[0]
        try:
            program = find_program(
                self._view, name, environment=environment, directory=self._step.directory, user=self.user
            )
        except (ProgramNotFound, ProgramNotRunnable):
            if self._step.mounts or self._step.script is not None:
                return  # it may be in what is mounted
            raise
        if not is_foreign(program.architecture, host_platform().architecture):
            return
        if find_emulator(program.architecture, program.head) is not None:
            raise ProgramNotRunnable(
                f"{name} is for {program.architecture}, which this machine's kernel does not run by itself",
                hint="register qemu with binfmt_misc: install qemu-user-static and binfmt-support",
            )

    # Mounts

    def _binds(self) -> list[Bind | Tmpfs]:
        found: list[Bind | Tmpfs] = []
        for path, text in self._host_files().items():
            source = self._directory / path.rpartition("/")[2]
            source.write_text(text, encoding="utf-8", errors="surrogateescape")
            source.chmod(0o644)
            found.append(Bind(source=str(source), target=self._point(path, is_directory=False), read_only=True))
        mounts = [mount for number, each in enumerate(self._step.mounts) for mount in self._mount(number, each)]
        # What is mounted below another mount comes after it.
        found += sorted(mounts, key=lambda mount: mount.target.count("/"))
        if self._step.script is not None:
            path, text = self._step.script
            script = self._directory / "script"
            script.write_text(text, encoding="utf-8", errors="surrogateescape")
            script.chmod(0o755)
            found.append(Bind(source=str(script), target=path, read_only=True))
        return found

    def _host_files(self) -> dict[str, str]:
        hosts = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
        hosts += [f"{address}\t{name}" for name, address in self._kitchen.options.hosts]
        hosts.append(f"127.0.0.1\t{HOSTNAME}")
        return {"/etc/hosts": "\n".join(hosts) + "\n", "/etc/resolv.conf": _read("/etc/resolv.conf")}

    def _point(self, path: str, *, is_directory: bool) -> str:
        if any(path.startswith(f"{one}/") for one in RUNTIME):
            return path  # in a directory that the runtime makes
        return self.points.add(path, is_directory=is_directory)

    def _mount(self, number: int, step_mount: StepMount) -> Iterator[Bind | Tmpfs]:
        mount = step_mount.mount
        match mount:
            case BindMount():
                yield self._bind(number, step_mount, mount)
            case CacheMount():
                source = self._stack.enter_context(self._kitchen.caches.use(mount, self._fill(mount, step_mount)))
                target = self._point(mount.target, is_directory=True)
                yield Bind(source=str(source), target=target, read_only=mount.read_only)
            case TmpfsMount():
                yield Tmpfs(target=self._point(mount.target, is_directory=True), size=mount.size)
            case SecretMount():
                yield from self._secret(number, mount)
            case SshMount():
                yield from self._agent(number, mount)

    def _bind(self, number: int, step_mount: StepMount, mount: BindMount) -> Bind:
        directories = [str(one) for one in reversed(self._kitchen.directories(step_mount))]
        resolved = Merged(directories[::-1]).resolve(mount.source)
        if resolved.node is None:
            raise UsageError(f"cannot mount {mount.source}: it is not there")
        target = self._point(mount.target, is_directory=resolved.node.is_directory)
        if mount.read_only and len(directories) == 1:
            return Bind(source=resolved.node.source, target=target, read_only=True)
        place = self._directory / f"mount-{number}"
        place.mkdir()
        if mount.read_only:
            self._overlays.append(self._overlay(place, directories, None, None))
        else:
            upper, work = (self._draft.directory / f"mount-{number}-{name}" for name in ("upper", "work"))
            upper.mkdir()
            work.mkdir()
            self._overlays.append(self._overlay(place, directories, upper, work))
        source = f"{place}/{resolved.path}" if resolved.path else str(place)
        return Bind(source=source, target=target, read_only=mount.read_only)

    def _overlay(self, place: Path, lower: list[str], upper: Path | None, work: Path | None) -> Overlay:
        return Overlay(
            target=str(place),
            lower=lower,
            upper=str(upper or ""),
            work=str(work or ""),
            user_xattr=self._kitchen.user_xattr,
        )

    def _fill(self, mount: CacheMount, step_mount: StepMount) -> Callable[[], Merged] | None:
        if not mount.from_:
            return None
        return lambda: Merged(self._kitchen.directories(step_mount))

    def _secret(self, number: int, mount: SecretMount) -> Iterator[Bind]:
        content = self._kitchen.options.secrets.get(mount.id)
        if content is None:
            if mount.required:
                raise UsageError(
                    f"the secret {mount.id!r} is required, and was not given",
                    hint=f"give it with --secret id={mount.id},src=FILE or --secret id={mount.id},env=NAME",
                )
            return
        if mount.env is not None:
            try:
                self._variables[mount.env] = content.decode()
            except UnicodeDecodeError:
                raise UsageError(f"the secret {mount.id!r} is no text, so it cannot be a variable") from None
        if mount.target is not None:
            name = str(number)
            self._secrets.append(SecretFile(name=name, content=content, mode=mount.mode, uid=mount.uid, gid=mount.gid))
            target = self._point(mount.target, is_directory=False)
            yield Bind(source=secret_path(self._directory, name), target=target, read_only=True)

    def _agent(self, number: int, mount: SshMount) -> Iterator[Bind]:
        socket = self._kitchen.options.agents.get(mount.id)
        if socket is None:
            if mount.required:
                raise UsageError(
                    f"the SSH agent {mount.id!r} is required, and was not given", hint=f"give it with --ssh {mount.id}"
                )
            return
        path = mount.target or f"{_AGENT}-{number}"
        self._variables.setdefault("SSH_AUTH_SOCK", path)
        source = self._directory / f"agent-{number}"
        self._stack.enter_context(agent_socket(socket, source, mount))
        yield Bind(source=str(source), target=self._point(path, is_directory=False))


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(_MAX_HOST_FILE)
    except OSError:
        return ""
