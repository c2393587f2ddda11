"""Platforms as zig names them: a target, and the processor that Go's own code is compiled for.

Source: ``zig targets``; ``go help environment`` (GOAMD64, GOARM and so on); musl's INSTALL ("supported targets").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from smidgen.errors import InvalidPlatform

_AMD64: Final = {"v2": "x86_64_v2", "v3": "x86_64_v3", "v4": "x86_64_v4"}
_ARM: Final = {"5": "arm926ej_s", "6": "arm1176jzf_s", "7": "generic+v7a"}
_POWER: Final = {"power8": "pwr8", "power9": "pwr9", "power10": "pwr10"}
_NEWER_RISCV: Final = ("rva22u64", "rva23u64")
# Debian's name of an architecture is part of the paths of its headers and libraries. Source: Debian Policy 4.6, 11.3
# and https://wiki.debian.org/Multiarch/Tuples.
_MULTIARCH: Final = {
    "amd64": "x86_64-linux-gnu",
    "arm64": "aarch64-linux-gnu",
    "arm": "arm-linux-gnueabihf",
    "386": "i386-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "ppc64le": "powerpc64le-linux-gnu",
    "s390x": "s390x-linux-gnu",
    "loong64": "loongarch64-linux-gnu",
}
_DEBIAN: Final = {
    "amd64": "amd64",
    "arm64": "arm64",
    "arm": "armhf",
    "386": "i386",
    "riscv64": "riscv64",
    "ppc64le": "ppc64el",
    "s390x": "s390x",
    "loong64": "loong64",
}


@dataclass(frozen=True, slots=True)
class Target:
    """What C is compiled for.

    Attributes:
        triple: For ``zig cc -target``.
        cpu: For ``-mcpu``; "" for the least that the triple means.
        multiarch: Debian's directory for it, such as ``aarch64-linux-gnu``.
        debian: Debian's name of the architecture, such as ``armhf``.
    """

    triple: str
    cpu: str
    multiarch: str
    debian: str


def c_target(variables: Mapping[str, str]) -> Target:
    """Give the target for GOARCH and the variable of its variant.

    Args:
        variables: Go's: GOARCH, and GOAMD64, GOARM and so on where they are set.

    Raises:
        InvalidPlatform: Go cannot be linked with C for it by zig.
    """
    architecture = variables["GOARCH"]
    if architecture not in _MULTIARCH:
        raise InvalidPlatform(
            f"linux/{architecture}",
            "there is no C compiler for it here",
            hint=f"C can be compiled for {', '.join(f'linux/{name}' for name in _MULTIARCH)}",
        )
    triple, cpu = _triple(architecture, variables)
    multiarch, debian = _MULTIARCH[architecture], _DEBIAN[architecture]
    if triple.endswith("eabi"):
        multiarch, debian = "arm-linux-gnueabi", "armel"
    return Target(triple, cpu, multiarch, debian)


def _triple(architecture: str, variables: Mapping[str, str]) -> tuple[str, str]:
    """Give zig's target and processor; the processor is "" where the target's least is that of Go's code too."""
    release, _, floats = (variables.get("GOARM") or "7").partition(",")
    is_soft = floats == "softfloat" or release == "5"
    profile = variables.get("GORISCV64", "")
    return {
        "amd64": ("x86_64-linux-musl", _AMD64.get(variables.get("GOAMD64", ""), "")),
        "arm64": ("aarch64-linux-musl", _arm64_cpu(variables.get("GOARM64", ""))),
        "arm": (f"arm-linux-musleabi{'' if is_soft else 'hf'}", _ARM.get(release, _ARM["7"])),
        "386": ("x86-linux-musl", "i586" if variables.get("GO386") == "softfloat" else "pentium4"),
        "riscv64": ("riscv64-linux-musl", f"baseline_rv64+{profile}" if profile in _NEWER_RISCV else ""),
        "ppc64le": ("powerpc64le-linux-musl", _POWER.get(variables.get("GOPPC64", ""), "pwr8")),
        "s390x": ("s390x-linux-musl", ""),
        "loong64": ("loongarch64-linux-musl", ""),
    }[architecture]


def _arm64_cpu(variant: str) -> str:
    """Name the features of ``v8.2,lse`` and the like; what v8.0 has is the least."""
    release = variant.partition(",")[0]
    major, _, minor = release.removeprefix("v").partition(".")
    if not (release.startswith("v") and major in {"8", "9"} and minor.isdecimal()) or release == "v8.0":
        return ""
    return f"generic+v{major}a" if minor == "0" else f"generic+v{major}_{minor}a"
