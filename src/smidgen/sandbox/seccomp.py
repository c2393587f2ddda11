"""System calls that a container may not make: what docker's default profile withholds.

Docker lists what is allowed; here stands what is refused, which comes to the same for the calls of
today and lets through those that a later kernel adds. Refused calls fail with EPERM, and clone3 with
ENOSYS, so that a C library falls back to clone, whose flags a filter can see.

Source: docker's documentation, "Seccomp security profiles", table "Significant syscalls blocked by the
default profile"; numbers from ``asm/unistd_64.h`` (x86_64) and ``asm-generic/unistd.h`` (arm64).
"""

import errno
import struct
from typing import Any, Final

from smidgen.sandbox.cell.calls import AARCH64, X86_64

# Name → numbers on x86_64 and on arm64, None where it has none.
_REFUSED: Final[dict[str, tuple[int | None, int | None]]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "create_module": (174, None),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "get_kernel_syms": (177, None),
    "get_mempolicy": (239, 236),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "mbind": (237, 235),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "query_module": (178, None),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "ustat": (136, None),
    "vhangup": (153, 58),
}
_CLONE: Final = {X86_64: 56, AARCH64: 220}
_CLONE3: Final = 435
# CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
_NEW_NAMESPACES: Final = 0x7E020000
_MACHINES: Final = {"x86_64": X86_64, "aarch64": AARCH64}
# What its kernel runs beside its own: calls of another architecture would kill a program.
_ALSO: Final = {
    "x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
    "aarch64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
}

_LOAD_WORD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_OFFSET_NUMBER: Final = 0
_OFFSET_ARCHITECTURE: Final = 4
_OFFSET_FIRST_ARGUMENT: Final = 16  # its lower half on a little-endian machine


def runtime_profile(machine: str) -> dict[str, Any]:
    """Render the profile as ``linux.seccomp`` of an OCI runtime's ``config.json``."""
    # On s390x clone takes its flags second (clone(2)).
    index = 1 if machine == "s390x" else 0
    flags = [1 << bit for bit in range(32) if _NEW_NAMESPACES >> bit & 1]
    masked = [{"index": index, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"} for flag in flags]
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": list(_ALSO.get(machine, ())),
        "syscalls": [
            {"names": sorted(_REFUSED), "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS},
            *(
                {"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM, "args": [argument]}
                for argument in masked
            ),
        ],
    }


def refusal_filter(machine: str) -> bytes | None:
    """Render the profile as a BPF program for the kernel; None for a machine whose numbers are not known.

    Programs of another architecture (i386 on x86_64) are not held back by it.
    """
    architecture = _MACHINES.get(machine)
    if architecture is None:
        return None
    column = 0 if architecture == X86_64 else 1
    refused = [number for numbers in _REFUSED.values() if (number := numbers[column]) is not None]
    body = [(_LOAD_WORD, 0, 0, _OFFSET_NUMBER)]
    for number in refused:
        body += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | errno.EPERM)]
    body += [
        (_JUMP_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_JUMP_EQUAL, 0, 3, _CLONE[architecture]),
        (_LOAD_WORD, 0, 0, _OFFSET_FIRST_ARGUMENT),
        (_JUMP_ANY_BIT, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code = [
        (_LOAD_WORD, 0, 0, _OFFSET_ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _ALLOW),
        *body,
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
