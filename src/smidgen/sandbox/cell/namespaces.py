"""The cell's own view of the machine: mounts, control groups and network that nobody outside sees."""

import contextlib
import errno
import json
import os
import re
import shutil
from typing import Final

from smidgen.sandbox.cell.job import Job, Overlay, Secret
from smidgen.sandbox.cell.linux import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    O_PATH,
    bind,
    loopback_up,
    mount,
    unmount,
    unshare,
)

_CGROUPS: Final = "/sys/fs/cgroup"
_UNIFIED: Final = "/sys/fs/cgroup/unified"
_LOW_PORTS: Final = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
# A directory that every machine has and everybody may enter; what the runtime needs from the real one
# is bound before it is covered.
_STAGE: Final = "/tmp"  # noqa: S108
# File systems that the kernel takes as what an overlay writes to; others may do, too.
_SUITABLE: Final = frozenset({"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "tmpfs", "xfs", "zfs"})


class UnsuitableError(Exception):
    """An overlay cannot be mounted, as what it would write to lies on a file system of the wrong kind."""

    hint: Final = (
        "choose another place for the store with --store DIRECTORY or SMIDGEN_STORE, on ext4, xfs, btrfs or tmpfs; "
        "in a container that is a volume"
    )


def enter(job: Job) -> None:
    """Leave the host's namespaces; the pid namespace holds the next child."""
    unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | (CLONE_NEWNET if job.private_network else 0))
    with contextlib.suppress(OSError):
        unshare(CLONE_NEWCGROUP)


def arrange(job: Job) -> None:
    """Mount what the runtime needs; runs in process 1 of the pid namespace."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV)
    _freeze_cgroups()
    if job.private_network:
        loopback_up()
        if job.low_ports:
            with contextlib.suppress(OSError), open(_LOW_PORTS, "w", encoding="ascii") as file:
                file.write("0")
    if job.most_processes:
        _limit_processes(job.most_processes)
    for overlay in job.overlays:
        _mount_overlay(overlay)
    if job.secrets:
        _write_secrets(f"{job.directory}/secrets", job.secrets)
    # A device node that an image brings must not open the host's device.
    bind(job.root, job.root, MS_NODEV)
    if job.owners:
        _give_away(job.root, job.owners)


def stage(job: Job) -> list[str]:
    """Bind the sources of *job.stage* where an unprivileged runtime reaches them; give its command line."""
    arguments = job.arguments
    if job.filter_path:
        code = os.open(job.filter_path, os.O_RDONLY)
        os.set_inheritable(code, True)
        arguments = [argument.replace("{filter}", str(code)) for argument in arguments]
    if job.stage is None:
        return arguments
    opened = {name: os.open(source, O_PATH) for name, source in job.stage.items()}
    mount("tmpfs", _STAGE, "tmpfs", MS_NODEV, "mode=0755")
    for name, descriptor in opened.items():
        target, source = f"{_STAGE}/{name}", f"/proc/self/fd/{descriptor}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.isdir(source):
            os.makedirs(target, exist_ok=True)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        bind(source, target, 0)
        os.close(descriptor)
    return [argument.replace("{stage}", _STAGE) for argument in arguments]


def remove(job: Job) -> None:
    """Remove the directory of the run, and what this namespace has mounted on it and over it."""
    secrets = [f"{job.directory}/secrets"] if job.secrets else []
    mounts = [overlay.target for overlay in job.overlays] + ([job.root] if job.root else [])
    for mounted in ([_STAGE] if job.stage is not None else []) + mounts[::-1] + secrets:
        with contextlib.suppress(OSError):
            unmount(mounted)
    for directory in (job.directory, *job.drafts):
        shutil.rmtree(directory, ignore_errors=True)


def _mount_overlay(overlay: Overlay) -> None:
    """Lay directories one over the other.

    They are named by the numbers of open files: many long paths do not fit into one page, which is all that
    mount(2) takes, and no character in a path has to be escaped.
    """
    opened = {
        path: os.open(path, O_PATH | os.O_DIRECTORY) for path in (*overlay.lower, overlay.upper, overlay.work) if path
    }
    options = f"lowerdir={':'.join(str(opened[path]) for path in overlay.lower)},index=off,metacopy=off"
    if overlay.upper:
        options += f",upperdir={opened[overlay.upper]},workdir={opened[overlay.work]}"
    # What renames a directory of the layers below by reference cannot become a layer.
    options += ",userxattr" if overlay.user_xattr else ",redirect_dir=off"
    os.chdir("/proc/self/fd")
    try:
        # Nothing here is worth waiting for the disk: what is half written when power fails is thrown away.
        for more in (",volatile", "") if overlay.upper else ("",):
            try:
                mount("overlay", overlay.target, "overlay", MS_NODEV, options + more)
            except OSError as error:
                if more and error.errno == errno.EINVAL:
                    continue
                kind = _file_system(overlay.upper) if overlay.upper else ""
                if kind and kind not in _SUITABLE:
                    reason = f"the kernel cannot lay an overlay over {overlay.upper}, which is on a file system {kind}"
                    raise UnsuitableError(reason) from error
                raise
            return
    finally:
        os.chdir("/")
        for descriptor in opened.values():
            os.close(descriptor)


def _file_system(path: str) -> str:
    """Name the kind of file system that *path* is on, or nothing where it is not known."""
    device = os.stat(path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            if before.split()[2] == number:
                return after.split()[0]
    return ""


def _write_secrets(directory: str, secrets: list[Secret]) -> None:
    os.mkdir(directory, 0o700)
    mount("tmpfs", directory, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, "mode=0700")
    for secret in secrets:
        descriptor = os.open(f"{directory}/{secret.name}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file, os.fdopen(secret.descriptor, "rb") as content:
            content.seek(0)
            shutil.copyfileobj(content, file)
            file.flush()
            os.fchown(descriptor, secret.uid, secret.gid)
            os.fchmod(descriptor, secret.mode)


def _limit_processes(most: int) -> None:
    """Bound the numbers that processes of this pid namespace get, and so how many there can be.

    Only from Linux 6.14 on each namespace has a bound of its own; before, this would be the machine's.
    """
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if release is None or (int(release[1]), int(release[2])) < (6, 14):
        return
    with contextlib.suppress(OSError), open("/proc/sys/kernel/pid_max", "w", encoding="ascii") as file:
        file.write(str(most))


def _freeze_cgroups() -> None:
    """Let runtimes see control groups, as some refuse to start without, but make none.

    A group that is made outlives everything here when this process is killed.
    """
    with contextlib.suppress(OSError):
        if os.path.exists(f"{_CGROUPS}/cgroup.controllers"):
            bind(_CGROUPS, _CGROUPS, MS_RDONLY)
        elif os.path.exists(f"{_UNIFIED}/cgroup.controllers"):
            # Half of the runtimes refuse a machine with both versions: show them the second only.
            bind(_UNIFIED, _CGROUPS, MS_RDONLY)
        else:
            mount("cgroup2", _CGROUPS, "cgroup2", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)


def _give_away(root: str, owners: str) -> None:
    with open(owners, encoding="utf-8", errors="surrogateescape") as file:
        rows: list[tuple[str, int, int, int]] = json.load(file)
    base = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for path, uid, gid, mode in rows:
            _give(base, path, uid, gid, mode)
    finally:
        os.close(base)


def _give(base: int, path: str, uid: int, gid: int, mode: int) -> None:
    """Change owner and mode of one file, entering no symbolic link on the way."""
    *parents, name = path.split("/")
    directory = os.dup(base)
    try:
        for parent in parents:
            inner = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
            os.close(directory)
            directory = inner
        os.chown(name or ".", uid, gid, dir_fd=directory, follow_symlinks=False)
        if mode >= 0:
            # The kernel takes set-user-id away from a file that changes hands.
            os.chmod(name or ".", mode, dir_fd=directory)
    except OSError:
        return  # a later layer took it away, or made it something else
    finally:
        os.close(directory)
