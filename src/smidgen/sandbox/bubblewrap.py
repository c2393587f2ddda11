"""A container as the command line of bubblewrap.

Source: bwrap(1), 0.8 and later. It knows no masked paths, set-user-id files or own capabilities of an
ordinary user: those are arranged here as close to an OCI runtime as it allows.
"""

import os
from collections.abc import Callable

from smidgen.sandbox.container import MASKED, READ_ONLY, Container, Tmpfs


def bubblewrap_arguments(
    container: Container,
    sources: dict[str, str],
    *,
    exists: Callable[[str], str | None],
    own_user: bool,
) -> list[str]:
    """Render bubblewrap's options, up to and with the program.

    Args:
        container: What to run.
        sources: Where each path of the host (root file system, binds) is to be found by bubblewrap.
        exists: Says ``"file"``, ``"directory"`` or None of a path of the host's ``/proc`` and ``/sys``.
        own_user: Enter a user namespace in which the program's ids are the only ones.
    """
    options = ["--die-with-parent", "--as-pid-1", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    options += ["--hostname", container.hostname, "--json-status-fd", "{info}"]
    if own_user:
        options += ["--unshare-user", "--uid", str(container.user.uid), "--gid", str(container.user.gid)]
    options += _capabilities(container)
    options += ["--ro-bind" if container.read_only else "--bind", sources[container.root], "/"]
    options += ["--proc", "/proc", "--dev", "/dev", "--mqueue", "/dev/mqueue"]
    options += ["--perms", "1777", "--size", str(64 << 20), "--tmpfs", "/dev/shm", "--ro-bind", "/sys", "/sys"]  # noqa: S108
    for path in MASKED:
        kind = exists(path)
        if kind == "file":
            options += ["--ro-bind", "/dev/null", path]
        elif kind == "directory":
            options += ["--perms", "0555", "--tmpfs", path, "--remount-ro", path]
    for path in READ_ONLY:
        if exists(path):
            options += ["--ro-bind", path, path]
    for bind in container.binds:
        if isinstance(bind, Tmpfs):
            size = ["--size", str(bind.size)] if bind.size else []
            options += ["--perms", "1777", *size, "--tmpfs", bind.target]
            continue
        options += ["--ro-bind" if bind.read_only else "--bind", sources[bind.source], bind.target]
    options += ["--chdir", container.directory, "--clearenv"]
    for line in container.environment:
        options += ["--setenv", *line.split("=", 1)]
    return [*options, "--", *container.arguments]


def kind_on_host(path: str) -> str | None:
    """Say whether *path* is a ``"file"`` or a ``"directory"`` of this machine, or None."""
    if os.path.isdir(path):
        return "directory"
    return "file" if os.path.exists(path) else None


def _capabilities(container: Container) -> list[str]:
    # Nothing that bubblewrap mounts lets a device be opened, but for those that it mounts in /dev one by one.
    # It drops everything by itself when an ordinary user starts it; as the superuser it keeps all.
    options = ["--cap-drop", "ALL"]
    if container.user.uid == 0:
        for name in container.granted:
            options += ["--cap-add", name]
    return options
