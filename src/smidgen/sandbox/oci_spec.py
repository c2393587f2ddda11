"""A container as the ``config.json`` that OCI runtimes read.

Source: OCI runtime-spec v1.0.2, ``config.md`` and ``config-linux.md``; the mounts are docker's.
"""

from collections.abc import Sequence
from typing import Any, Final

from smidgen.sandbox.container import MASKED, READ_ONLY, Bind, Container, Tmpfs
from smidgen.sandbox.seccomp import runtime_profile

_VERSION: Final = "1.0.2"
_TTY_GROUP: Final = 5
_NO = ("nosuid", "noexec", "nodev")


def runtime_spec(container: Container, machine: str, *, closing: Sequence[str] = ()) -> dict[str, Any]:
    """Render ``config.json``; pid, mount, ipc and uts namespaces are the runtime's, the network is the caller's.

    No resource limits are set: some machines refuse to raise them, and the caller's are inherited.

    Args:
        container: What to run.
        machine: As ``uname -m`` has it.
        closing: Command line of what keeps devices of the root file system from being opened, for a runtime that
            itself drops that flag.
    """
    return {
        "ociVersion": _VERSION,
        "process": _process(container),
        "root": {"path": container.root, "readonly": container.read_only},
        "hostname": container.hostname,
        "mounts": _mounts(container),
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
            "maskedPaths": list(MASKED),
            "readonlyPaths": list(READ_ONLY),
            "seccomp": runtime_profile(machine),
        },
        **({"hooks": {"createContainer": [{"path": closing[0], "args": list(closing)}]}} if closing else {}),
    }


def _process(container: Container) -> dict[str, Any]:
    bounding = list(container.granted)
    # As docker: an ordinary user starts with none, and gets them only from a file that has them.
    own = bounding if container.user.uid == 0 else []
    return {
        "terminal": container.terminal,
        "user": {
            "uid": container.user.uid,
            "gid": container.user.gid,
            "additionalGids": [] if container.only_ids else list(container.user.groups),
        },
        "args": list(container.arguments),
        "env": list(container.environment),
        "cwd": container.directory,
        "capabilities": {"bounding": bounding, "effective": own, "permitted": own},
        "noNewPrivileges": container.no_new_privileges,
    }


def _mounts(container: Container) -> list[dict[str, Any]]:
    pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    if not container.only_ids:
        pts.append(f"gid={_TTY_GROUP}")
    # Who can make nodes must find no place where they can be opened.
    closed = ("nodev",) if container.devices else ()
    mounts = [
        _mount("/proc", "proc", *_NO),
        _mount("/dev", "tmpfs", "nosuid", *closed, "strictatime", "mode=755", "size=65536k"),
        *(_bind(Bind(source=path, target=path)) for path in container.devices),
        _mount("/dev/pts", "devpts", *pts),
        _mount("/dev/shm", "tmpfs", *_NO, "mode=1777", "size=65536k"),  # noqa: S108
        _mount("/dev/mqueue", "mqueue", *_NO),
    ]
    if container.host_sys:
        mounts.append(_bind(Bind(source="/sys", target="/sys", read_only=True), *_NO))
    else:
        mounts.append(_mount("/sys", "sysfs", *_NO, "ro"))
    return [*mounts, *(_tmpfs(bind) if isinstance(bind, Tmpfs) else _bind(bind, *closed) for bind in container.binds)]


def _mount(target: str, kind: str, *options: str) -> dict[str, Any]:
    return {"destination": target, "type": kind, "source": kind, "options": list(options)}


def _tmpfs(tmpfs: Tmpfs) -> dict[str, Any]:
    size = [f"size={tmpfs.size}"] if tmpfs.size else []
    return _mount(tmpfs.target, "tmpfs", "nosuid", "nodev", "mode=1777", *size)


def _bind(bind: Bind, *options: str) -> dict[str, Any]:
    access = "ro" if bind.read_only else "rw"
    return {
        "destination": bind.target,
        "type": "bind",
        "source": bind.source,
        "options": ["rbind", "rprivate", access, *options],
    }
