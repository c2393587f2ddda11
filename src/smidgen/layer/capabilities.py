"""File capabilities: what a program gets of root's rights whoever starts it, as an extended attribute of its file.

Source: capabilities(7), "File capabilities" and "File capability extended attribute versioning"; cap_from_text(3);
``linux/capability.h`` (``struct vfs_cap_data``).
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Self

from smidgen.errors import UsageError

#: The extended attribute that holds them.
CAPABILITY_XATTR: Final = "security.capability"
# By their numbers, 0 first.
_NAMES: Final = (
    *("chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap"),
    *("linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner"),
    *("sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice"),
    *("sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap"),
    *("mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf"),
    "checkpoint_restore",
)
_NUMBERS: Final = {name: number for number, name in enumerate(_NAMES)}
_ALL: Final = (1 << len(_NAMES)) - 1
_REVISION_2: Final = 0x02000000
_REVISION_3: Final = 0x03000000
_EFFECTIVE: Final = 1
_FORM: Final = struct.Struct("<5I")
_OPERATORS: Final = "+-="
_HINT: Final = "expected a name such as cap_net_bind_service, or names and flags such as net_raw,net_admin=ep"


@dataclass(frozen=True, slots=True)
class FileCapabilities:
    """Sets of capabilities, bit N for number N.

    Attributes:
        permitted: What the program gets, as far as its container may have it.
        inheritable: What it keeps of what its parent may hand down.
        effective: What was asked to be in force from the start. A file says so for all of *permitted*, or for none.
    """

    permitted: int = 0
    inheritable: int = 0
    effective: int = 0

    def encode(self) -> bytes:
        """Give the value of the extended attribute, or nothing where the file has no capabilities."""
        if not self.permitted and not self.inheritable:
            return b""
        low, high = 0xFFFFFFFF, 32
        return _FORM.pack(
            _REVISION_2 | (_EFFECTIVE if self.effective else 0),
            self.permitted & low,
            self.inheritable & low,
            self.permitted >> high,
            self.inheritable >> high,
        )

    @classmethod
    def decode(cls, value: bytes) -> Self | None:
        """Read the value of the extended attribute; None where it is of no form that kernels take today.

        The third form, which a user namespace makes, says in four bytes more whose root may use it.
        """
        if len(value) not in {_FORM.size, _FORM.size + 4}:
            return None
        magic, permitted, inheritable, more_permitted, more_inheritable = _FORM.unpack_from(value)
        if magic & ~_EFFECTIVE != (_REVISION_2 if len(value) == _FORM.size else _REVISION_3):
            return None
        permitted |= more_permitted << 32
        inheritable |= more_inheritable << 32
        return cls(permitted, inheritable, permitted | inheritable if magic & _EFFECTIVE else 0)

    @property
    def xattrs(self) -> tuple[tuple[str, bytes], ...]:
        """Give the attributes of the file."""
        value = self.encode()
        return ((CAPABILITY_XATTR, value),) if value else ()

    def __str__(self) -> str:
        """Render as ``getcap`` does: ``cap_kill,cap_net_raw=ep``; empty where there are none."""
        found: dict[str, list[str]] = {}
        for number in range(64):
            flags = "".join(
                flag
                for flag, mask in (
                    ("e", self.permitted | self.inheritable if self.effective else 0),
                    ("i", self.inheritable),
                    ("p", self.permitted),
                )
                if mask >> number & 1
            )
            if flags:
                found.setdefault(flags, []).append(f"cap_{_NAMES[number]}" if number < len(_NAMES) else str(number))
        return " ".join(f"{','.join(names)}={flags}" for flags, names in found.items())


def parse_capabilities(terms: Iterable[str]) -> FileCapabilities:
    """Join clauses, each over those before it.

    Args:
        terms: Names, which are then permitted and in force at once; or clauses of cap_from_text(3) such as
            ``cap_net_raw,cap_kill=ep``. Names are of any case, with or without ``cap_``, or numbers, or ``all``.

    Raises:
        UsageError: An unknown name or flag.
    """
    capabilities = FileCapabilities()
    for term in terms:
        capabilities = _joined(capabilities, term)
    return capabilities


def parse_term(text: str) -> str:
    """Check one clause; gives it as it is.

    Raises:
        UsageError: An unknown name or flag.
    """
    parse_capabilities((text,))
    return text


def _joined(before: FileCapabilities, term: str) -> FileCapabilities:
    at = next((at for at, character in enumerate(term) if character in _OPERATORS), len(term))
    names, actions = term[:at], term[at:]
    mask = _ALL if not names and actions.startswith("=") else _mask(term, names)
    operator = ""
    for action in actions or "=ep":
        if action in _OPERATORS:
            operator = action
            if action == "=":
                permitted, inheritable = before.permitted & ~mask, before.inheritable & ~mask
                before = FileCapabilities(permitted, inheritable, before.effective & ~mask)
            continue
        field = {"p": "permitted", "i": "inheritable", "e": "effective"}.get(action)
        if field is None:
            raise UsageError(f"unknown flag {action!r} in {term!r}", hint="expected of e, i and p, as in =ep")
        bits = getattr(before, field)
        before = replace(before, **{field: bits & ~mask if operator == "-" else bits | mask})
    return before


def _mask(term: str, names: str) -> int:
    mask = 0
    for text in names.split(","):
        name = text.strip().lower()
        if name == "all":
            mask |= _ALL
        elif name.isascii() and name.isdecimal() and len(name) <= 2 and int(name) < 64:
            mask |= 1 << int(name)
        elif (number := _NUMBERS.get(name.removeprefix("cap_"))) is not None:
            mask |= 1 << number
        else:
            what = f"unknown capability {text!r}" + (f" in {term!r}" if text != term else "")
            raise UsageError(what, hint=_HINT)
    return mask
