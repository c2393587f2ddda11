"""With which rights a cell is made: as root, as root of a user namespace with many ids, or with one id only."""

import contextlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from enum import Enum
from typing import Final

from smidgen.errors import SandboxError

_CAP_SETGID: Final = 6
_CAP_SETUID: Final = 7
_CAP_SYS_ADMIN: Final = 21
_CAP_MKNOD: Final = 27
# The usual user of small images; a range that lacks it is of no use.
_NOBODY: Final = 65534
_RANGE: Final = 65536


Rows = tuple[tuple[int, int, int], ...]


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
        nested: This process is in a user namespace already, as in a container of another user.
        direct: It may write the maps itself, without newuidmap.
    """

    rights: Rights
    uids: Rows
    gids: Rows
    nested: bool = False
    direct: bool = False

    @property
    def user_namespace(self) -> bool:
        """Whether the cell has one of its own."""
        return self.rights is not Rights.ROOT

    def knows(self, uid: int, gid: int) -> bool:
        """Tell whether a process in the cell can take these ids."""
        return _within(uid, self.uids) and _within(gid, self.gids)

    @property
    def keeps_owners(self) -> bool:
        """Whether this process can give files to the ids of an image."""
        return self.rights is Rights.ROOT and not self.nested

    @property
    def makes_devices(self) -> bool:
        """Whether this process can make device nodes, which the kernel never allows in a user namespace."""
        return self.keeps_owners and bool(_capabilities() >> _CAP_MKNOD & 1)


def find_identity() -> Identity:
    """Choose the most capable identity that this process can make."""
    uid, gid = os.geteuid(), os.getegid()
    uids, gids = _own_map("uid_map"), _own_map("gid_map")
    nested = uids != _EVERY or gids != _EVERY
    capabilities = _capabilities()
    if uid == 0 and capabilities >> _CAP_SYS_ADMIN & 1:
        return Identity(rights=Rights.ROOT, uids=_same(uids), gids=_same(gids), nested=nested)
    single = Identity(rights=Rights.SINGLE, uids=((0, uid, 1),), gids=((0, gid, 1),), nested=nested)
    if uid == 0 and capabilities >> _CAP_SETUID & 1 and capabilities >> _CAP_SETGID & 1:
        uids, gids = _low(uids), _low(gids)
        return Identity(rights=Rights.MAPPED, uids=uids, gids=gids, nested=nested, direct=True) if uids else single
    if not (shutil.which("newuidmap") and shutil.which("newgidmap")):
        return single
    uids, gids = _subordinate("/etc/subuid", uid), _subordinate("/etc/subgid", uid)
    if not uids or not gids:
        return single
    return Identity(rights=Rights.MAPPED, uids=((0, uid, 1), *uids), gids=((0, gid, 1), *gids), nested=nested)


def map_ids(identity: Identity, pid: int) -> None:
    """Write the maps of process *pid*, which has just entered its own user namespace.

    Raises:
        SandboxError: The kernel or newuidmap refuses.
    """
    if identity.rights is Rights.MAPPED and not identity.direct:
        _map_with_tool("newuidmap", pid, identity.uids)
        _map_with_tool("newgidmap", pid, identity.gids)
        return
    try:
        if not identity.direct:
            # Without CAP_SETGID outside, groups are mapped only once setgroups is given up (user_namespaces(7)).
            _write(pid, "setgroups", "deny")
        _write(pid, "uid_map", _lines(identity.uids))
        _write(pid, "gid_map", _lines(identity.gids))
    except OSError as error:
        raise SandboxError(f"cannot map ids of a user namespace: {error}", hint=USER_NAMESPACE_HINT) from error


# What /proc/self/uid_map says outside of every user namespace.
_EVERY: Final = ((0, 0, 4294967295),)

USER_NAMESPACE_HINT: Final = (
    "user namespaces may be switched off here: see sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone "
    "and kernel.apparmor_restrict_unprivileged_userns; a container needs --privileged for containers of its own"
)


def _write(pid: int, name: str, text: str) -> None:
    with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as file:
        file.write(text)


def _map_with_tool(tool: str, pid: int, rows: Rows) -> None:
    command = [tool, str(pid), *(str(number) for row in rows for number in row)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SandboxError(
            f"{tool} failed: {done.stderr.strip() or f'exit code {done.returncode}'}",
            hint=f"it must be setuid root, and its ids must agree with /etc/sub{tool[3:6]}",
        )


def _subordinate(file: str, uid: int) -> Rows:
    import pwd

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
    return tuple(rows) if inside > _NOBODY else ()


def _own_map(name: str) -> Rows:
    """Read which ids this process's own user namespace has."""
    with open(f"/proc/self/{name}", encoding="ascii") as file:
        rows = [line.split() for line in file]
    return tuple((int(inside), int(outside), int(count)) for inside, outside, count in rows)


def _same(rows: Rows) -> Rows:
    """Give the ids of a namespace as they are called in it."""
    return tuple((inside, inside, count) for inside, _, count in rows)


def _low(rows: Rows) -> Rows:
    """Give the ids that an inner namespace can have under the same numbers; none where nobody is not among them."""
    count = next((count for inside, _, count in rows if inside == 0), 0)
    return ((0, 0, min(count, _RANGE)),) if count > _NOBODY else ()


def _lines(rows: Rows) -> str:
    return "".join(f"{inside} {outside} {count}\n" for inside, outside, count in rows)


def _capabilities() -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
    return 0


def _within(number: int, rows: Rows) -> bool:
    return any(inside <= number < inside + count for inside, _, count in rows)
