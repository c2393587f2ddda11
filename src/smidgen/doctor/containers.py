"""What runs containers: this user's rights, runtimes that are tried, emulators, a place to run from."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from smidgen.doctor.finding import Area, Finding, State
from smidgen.doctor.places import place
from smidgen.doctor.trial import can_try, try_runtime
from smidgen.elf.machine import machine_of
from smidgen.errors import SandboxError
from smidgen.oci.platform import Platform
from smidgen.sandbox.foreign import find_emulator, is_foreign
from smidgen.sandbox.identity import USER_NAMESPACE_HINT, Identity, Rights, find_identity
from smidgen.sandbox.runtime import Kind, find_runtime

#: Runtimes in the order in which ``smidgen run`` takes them.
RUNTIMES: Final = (Kind.RUNC, Kind.CRUN, Kind.BWRAP)
_OTHERS: Final = ("amd64", "arm64", "arm", "386", "riscv64", "ppc64le", "s390x")
# Settings of the kernel that keep ordinary users from having user namespaces, and the value that does.
_SWITCHES: Final = {
    "user/max_user_namespaces": "0",
    "kernel/unprivileged_userns_clone": "0",
    "kernel/apparmor_restrict_unprivileged_userns": "1",
}


def container_findings(platform: Platform) -> Iterator[Finding]:
    """Look at what ``smidgen run``, ``prove`` and ``build -f`` need."""
    identity = find_identity()
    yield _rights(identity)
    temporary = Path(tempfile.gettempdir())
    yield place(Area.CONTAINERS, "temporary files", temporary, advice="set TMPDIR to another directory", executes=True)
    for kind in RUNTIMES:
        yield _runtime(kind, identity, platform)
    yield _emulators(platform.architecture)


def _rights(identity: Identity) -> Finding:
    where = ", in a container or user namespace" if identity.nested else ""
    advice = ""
    if identity.rights is Rights.ROOT:
        said = f"root{where}"
    elif identity.rights is Rights.MAPPED:
        said = f"an ordinary user with subordinate ids{where}"
    else:
        said = f"an ordinary user with one id{where}: images with other users run less exactly"
        advice = "install newuidmap (package uidmap), and give this user 65536 ids in /etc/subuid and /etc/subgid"
    closed = [name for name, value in _SWITCHES.items() if _setting(name) == value]
    if identity.user_namespace and closed:
        names = ", ".join(name.replace("/", ".") for name in closed)
        # Some of these have exceptions for single programs, so only a trial can tell.
        said, advice = f"{said}; {names} may forbid user namespaces", USER_NAMESPACE_HINT
    return Finding(area=Area.CONTAINERS, name="rights", state=State.GOOD, said=said, advice=advice)


def _setting(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _runtime(kind: Kind, identity: Identity, platform: Platform) -> Finding:
    try:
        found = find_runtime(kind.value, identity, 0, 0)
    except SandboxError as error:
        advice = error.hint or ""
        return Finding(area=Area.CONTAINERS, name=kind.value, state=State.ABSENT, said="not installed", advice=advice)
    if not can_try(platform.architecture):
        said = f"{found.path}; not tried, as there is no program for {platform.architecture} to try it with"
        return Finding(area=Area.CONTAINERS, name=kind.value, state=State.GOOD, said=said)
    fault = try_runtime(kind.value, platform)
    if fault:
        said = f"{found.path} does not work: {fault}"
        return Finding(
            area=Area.CONTAINERS, name=kind.value, state=State.BAD, said=said, advice=f"see {USER_NAMESPACE_HINT}"
        )
    return Finding(area=Area.CONTAINERS, name=kind.value, state=State.GOOD, said=f"{found.path}, runs a container")


def _emulators(host: str) -> Finding:
    by_kernel: list[str] = []
    by_hand: list[str] = []
    for architecture in _OTHERS:
        if not is_foreign(architecture, host):
            continue
        try:
            emulator = find_emulator(architecture, _head(architecture))
        except SandboxError:
            continue
        (by_kernel if emulator is None else by_hand).append(architecture)
    said = []
    if by_kernel:
        said.append(f"{', '.join(by_kernel)} by the kernel")
    if by_hand:
        said.append(f"{', '.join(by_hand)} through qemu")
    return Finding(
        area=Area.CONTAINERS,
        name="other machines",
        state=State.GOOD if said else State.ABSENT,
        said="; ".join(said) or "no emulator",
        advice="" if said else "to run images for other machines, install qemu-user-static; building needs none",
    )


def _head(architecture: str) -> bytes:
    """Give the first bytes of a program for *architecture*, as the kernel looks at them."""
    number, bits, endian = machine_of(architecture)
    order: Literal["little", "big"] = "little" if endian == "<" else "big"
    ident = b"\x7fELF" + bytes([2 if bits == 64 else 1, 1 if endian == "<" else 2, 1]) + bytes(9)
    return (ident + (2).to_bytes(2, order) + number.to_bytes(2, order) + (1).to_bytes(4, order)).ljust(64, b"\0")
