"""With which rights a cell is made: as root, as root of a user namespace with many ids, or with one id only."""

import contextlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from enum import Enum
from typing import Final

from smidgen.errors import SandboxError

_CAP_SYS_ADMIN: Final = 21
_MAX_UID: Final = 65535


class Rights(Enum):
    """What there is to build on.

    Attributes:
        ROOT: No user namespace: every id is what it is.
        MAPPED: A user namespace with the user's subordinate ids (``/etc/subuid``).
        SINGLE: A user namespace that knows one id.
    """

    ROOT = "root"
    MAPPED = "mapped"
    SINGLE = "single"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How a cell's ids follow from the host's.

    Attributes:
        rights: Which of the three.
        uids: Rows of inside, outside, count.
        gids: Rows of inside, outside, count.
    """

    rights: Rights
    uids: tuple[tuple[int, int, int], ...] = ()
    gids: tuple[tuple[int, int, int], ...] = ()

    @property
    def user_namespace(self) -> bool:
        """Whether the cell has one of its own."""
        return self.rights is not Rights.ROOT

    def knows(self, uid: int, gid: int) -> bool:
        """Tell whether a process in the cell can take these ids."""
        return self.rights is Rights.ROOT or (_within(uid, self.uids) and _within(gid, self.gids))


def find_identity() -> Identity:
    """Choose the most capable identity that this process can make."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0 and _has_capability(_CAP_SYS_ADMIN):
        return Identity(rights=Rights.ROOT)
    single = Identity(rights=Rights.SINGLE, uids=((0, uid, 1),), gids=((0, gid, 1),))
    if not (shutil.which("newuidmap") and shutil.which("newgidmap")):
        return single
    uids, gids = _subordinate("/etc/subuid", uid), _subordinate("/etc/subgid", uid)
    if not uids or not gids:
        return single
    return Identity(rights=Rights.MAPPED, uids=((0, uid, 1), *uids), gids=((0, gid, 1), *gids))


def map_ids(identity: Identity, pid: int) -> None:
    """Write the maps of process *pid*, which has just entered its own user namespace.

    Raises:
        SandboxError: The kernel or newuidmap refuses.
    """
    if identity.rights is Rights.MAPPED:
        _map_with_tool("newuidmap", pid, identity.uids)
        _map_with_tool("newgidmap", pid, identity.gids)
        return
    try:
        # Without CAP_SETGID outside, groups are mapped only once setgroups is given up (user_namespaces(7)).
        _write(pid, "setgroups", "deny")
        _write(pid, "uid_map", " ".join(map(str, identity.uids[0])))
        _write(pid, "gid_map", " ".join(map(str, identity.gids[0])))
    except OSError as error:
        raise SandboxError(f"cannot map ids of a user namespace: {error}", hint=USER_NAMESPACE_HINT) from error


USER_NAMESPACE_HINT: Final = (
    "user namespaces may be switched off here: see sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone "
    "and kernel.apparmor_restrict_unprivileged_userns; or run as root"
)


def _write(pid: int, name: str, text: str) -> None:
    with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as file:
        file.write(text)


def _map_with_tool(tool: str, pid: int, rows: tuple[tuple[int, int, int], ...]) -> None:
    command = [tool, str(pid), *(str(number) for row in rows for number in row)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SandboxError(
            f"{tool} failed: {done.stderr.strip() or f'exit code {done.returncode}'}",
            hint=f"it must be setuid root, and its ids must agree with /etc/sub{tool[3:6]}",
        )


def _subordinate(file: str, uid: int) -> tuple[tuple[int, int, int], ...]:
    import pwd  # noqa: PLC0415

    names = {str(uid)}
    with contextlib.suppress(KeyError):
        names.add(pwd.getpwuid(uid).pw_name)
    rows: list[tuple[int, int, int]] = []
    inside = 1
    try:
        with open(file, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                fields = line.strip().split(":")
                if len(fields) == 3 and fields[0] in names and fields[1].isdecimal() and fields[2].isdecimal():
                    rows.append((inside, int(fields[1]), int(fields[2])))
                    inside += int(fields[2])
    except OSError:
        return ()
    # A range that lacks 65534 would leave the usual user of small images without an id.
    return tuple(rows) if inside > _MAX_UID - 1 else ()


def _has_capability(number: int) -> bool:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> number & 1)
    return False


def _within(number: int, rows: tuple[tuple[int, int, int], ...]) -> bool:
    return any(inside <= number < inside + count for inside, _, count in rows)
