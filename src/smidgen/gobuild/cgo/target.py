"""Platforms as zig names them: a target, and the processor that Go's own code is compiled for.

Source: ``zig targets``; ``go help environment`` (GOAMD64, GOARM and so on); musl's INSTALL ("supported targets").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from smidgen.errors import InvalidPlatform

_AMD64: Final = {"v2": "x86_64_v2", "v3": "x86_64_v3", "v4": "x86_64_v4"}
_ARM: Final = {"6": "arm1176jzf_s", "7": "generic+v7a"}
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
    "mips": "mips-linux-gnu",
    "mipsle": "mipsel-linux-gnu",
    "mips64": "mips64-linux-gnuabi64",
    "mips64le": "mips64el-linux-gnuabi64",
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
    "mips": "mips",
    "mipsle": "mipsel",
    "mips64": "mips64",
    "mips64le": "mips64el",
}
# Whether floats are hard is said by zig's target, and Go's words for it are none of zig's. The linker does not join
# debug data of Go's (SHT_PROGBITS) and of clang's (SHT_MIPS_DWARF). Code for 64 bits is always independent of its
# place: where zig asks for other code, clang warns, which the C of Go's own runtime takes for an error.
_MIPS_FLOATS: Final = ("-mhard-float", "-msoft-float")
_MIPS: Final = {
    False: ((), ("-Wl,--strip-debug",), _MIPS_FLOATS),
    True: (("-Wno-option-ignored",), ("-Wl,--strip-debug",), _MIPS_FLOATS),
}


@dataclass(frozen=True, slots=True)
class Target:
    """What C is compiled for.

    Attributes:
        triple: For ``zig cc -target``.
        cpu: For ``-mcpu``; "" for the least that the triple means.
        multiarch: Debian's directory for it, such as ``aarch64-linux-gnu``.
        debian: Debian's name of the architecture, such as ``armhf``.
        compiling: Further flags for compiling and linking.
        linking: Further flags for linking.
        dropped: Flags of Go's that are not passed on.
    """

    triple: str
    cpu: str
    multiarch: str
    debian: str
    compiling: tuple[str, ...] = ()
    linking: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def c_target(variables: Mapping[str, str]) -> Target:
    """Give the target for GOARCH and the variable of its variant.

    Args:
        variables: Go's: GOARCH, and GOAMD64, GOARM and so on where they are set.

    Raises:
        InvalidPlatform: Go cannot be linked with C for it by zig.
    """
    architecture = variables["GOARCH"]
    if architecture not in _MULTIARCH:
        # Source: ``go tool dist list -json``, CgoSupported. Of all that Go has on linux that is ppc64 alone.
        raise InvalidPlatform(
            f"linux/{architecture}",
            "Go cannot link C into programs for it",
            hint="leave --cgo out, or this platform: C can be compiled for "
            f"{', '.join(f'linux/{name}' for name in _MULTIARCH)}",
        )
    if architecture.startswith("mips64") and variables.get("GOMIPS64") == "softfloat":
        raise InvalidPlatform(
            f"linux/{architecture}/softfloat",
            "zig's C library for it has floats in hardware, which the linker does not join with others",
            hint=f"leave --cgo out, or build for linux/{architecture}/hardfloat",
        )
    if architecture == "arm" and variables.get("GOARM", "").partition(",")[0] == "5":
        raise InvalidPlatform(
            "linux/arm/v5",
            "zig's C library for it takes atomic instructions for granted, which such a processor does not have",
            hint="leave --cgo out, or build for linux/arm/v6",
        )
    triple, cpu = _triple(architecture, variables)
    multiarch, debian = _MULTIARCH[architecture], _DEBIAN[architecture]
    if triple.endswith("eabi"):
        multiarch, debian = "arm-linux-gnueabi", "armel"
    if architecture.startswith("mips"):
        return Target(triple, cpu, multiarch, debian, *_MIPS[architecture.startswith("mips64")])
    return Target(triple, cpu, multiarch, debian)


def _triple(architecture: str, variables: Mapping[str, str]) -> tuple[str, str]:
    """Give zig's target and processor; the processor is "" where the target's least is that of Go's code too."""
    release, _, floats = (variables.get("GOARM") or "7").partition(",")
    is_soft = floats == "softfloat"
    profile = variables.get("GORISCV64", "")
    return {
        "amd64": ("x86_64-linux-musl", _AMD64.get(variables.get("GOAMD64", ""), "")),
        "arm64": ("aarch64-linux-musl", _arm64_cpu(variables.get("GOARM64", ""))),
        "arm": (f"arm-linux-musleabi{'' if is_soft else 'hf'}", _ARM.get(release, _ARM["7"])),
        "386": ("x86-linux-musl", "i586" if variables.get("GO386") == "softfloat" else "pentium4"),
        "riscv64": ("riscv64-linux-musl", f"baseline_rv64+{profile}" if profile in _NEWER_RISCV else ""),
        "ppc64le": ("powerpc64le-linux-musl", _POWER.get(variables.get("GOPPC64", ""), "pwr8")),
        "s390x": ("s390x-linux-musl", ""),
        # Without the vector instructions that zig takes for granted, and Go does not.
        "loong64": ("loongarch64-linux-musl", "la64v1_0-lsx"),
        "mips": _mips("mips", variables),
        "mipsle": _mips("mipsel", variables),
        # Source: Go's wiki, MinimumRequirements.
        "mips64": ("mips64-linux-muslabi64", "mips3"),
        "mips64le": ("mips64el-linux-muslabi64", "mips3"),
    }[architecture]


def _mips(name: str, variables: Mapping[str, str]) -> tuple[str, str]:
    if variables.get("GOMIPS") == "softfloat":
        return f"{name}-linux-musleabi", "mips32+soft_float"
    return f"{name}-linux-musleabihf", "mips32"


def _arm64_cpu(variant: str) -> str:
    """Name the features of ``v8.2,lse`` and the like; what v8.0 has is the least."""
    release = variant.partition(",")[0]
    major, _, minor = release.removeprefix("v").partition(".")
    if not (release.startswith("v") and major in {"8", "9"} and minor.isdecimal()) or release == "v8.0":
        return ""
    return f"generic+v{major}a" if minor == "0" else f"generic+v{major}_{minor}a"
