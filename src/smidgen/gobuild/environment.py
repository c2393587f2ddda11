"""Platforms as Go names them, and the environment in which Go runs.

Source: ``go help environment``; the variants of ``GOARM64`` and others are those of ``internal/buildcfg``.
"""

import os
import sys
from collections.abc import Iterable, Mapping

from smidgen.errors import InvalidPlatform
from smidgen.gobuild.options import BuildOptions
from smidgen.oci.platform import Platform

#: What ``all`` means: the architectures that the large registries publish images for.
ALL_PLATFORMS: tuple[Platform, ...] = tuple(
    Platform(os="linux", architecture=architecture, variant=variant)
    for architecture, variant in (
        ("amd64", ""),
        ("arm64", ""),
        ("arm", "v7"),
        ("386", ""),
        ("riscv64", ""),
        ("ppc64le", ""),
        ("s390x", ""),
    )
)

# GOARCH → (the variable of its variants, variant → value). No variant leaves the variable to the user.
_ARM64 = {f"v8.{n}": f"v8.{n}" for n in range(10)} | {f"v9.{n}": f"v9.{n}" for n in range(6)} | {"v9": "v9.0"}
_FLOAT = {"hardfloat": "hardfloat", "softfloat": "softfloat"}
_POWER = {f"power{n}": f"power{n}" for n in (8, 9, 10)}
_VARIANTS: dict[str, tuple[str, dict[str, str]]] = {
    "amd64": ("GOAMD64", {f"v{n}": f"v{n}" for n in (1, 2, 3, 4)}),
    "arm64": ("GOARM64", _ARM64),
    # 32-bit code on an ARMv8 core: Go's newest 32-bit target is v7.
    "arm": ("GOARM", {"v5": "5", "v6": "6", "v7": "7", "v8": "7"}),
    "386": ("GO386", {"sse2": "sse2", "softfloat": "softfloat"}),
    "riscv64": ("GORISCV64", {name: name for name in ("rva20u64", "rva22u64", "rva23u64")}),
    "ppc64le": ("GOPPC64", _POWER),
    "ppc64": ("GOPPC64", _POWER),
    "s390x": ("", {}),
    "loong64": ("", {}),
    "mips": ("GOMIPS", _FLOAT),
    "mipsle": ("GOMIPS", _FLOAT),
    "mips64": ("GOMIPS64", _FLOAT),
    "mips64le": ("GOMIPS64", _FLOAT),
}

_MACHINES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv6l": "arm/v6",
    "armv7l": "arm/v7",
    "armv8l": "arm/v7",
    "i386": "386",
    "i586": "386",
    "i686": "386",
    "loongarch64": "loong64",
    "arm64": "arm64",
    "amd64": "amd64",
}


def host_platform() -> Platform:
    """Give linux on this machine's architecture."""
    machine = os.uname().machine
    return Platform.parse(f"linux/{_MACHINES.get(machine, machine)}")


def parse_platforms(texts: str | Iterable[str]) -> tuple[Platform, ...]:
    """Parse ``OS/ARCHITECTURE[/VARIANT]``, comma-separated or one each, or ``all``; doubles are dropped.

    Raises:
        InvalidPlatform: Not a platform, or none that Go builds linux programs for.
    """
    parts = [part.strip() for text in ([texts] if isinstance(texts, str) else texts) for part in text.split(",")]
    platforms: dict[Platform, None] = {}
    for part in parts:
        if part == "all":
            platforms |= dict.fromkeys(ALL_PLATFORMS)
        elif part:
            platforms[_supported(part)] = None
    if not platforms:
        raise InvalidPlatform(",".join(parts), "nothing is named")
    return tuple(platforms)


def _supported(text: str) -> Platform:
    platform = Platform.parse(text)
    architectures = ", ".join(f"linux/{name}" for name in _VARIANTS)
    hint = f"Go builds linux programs for {architectures}; `all` means {', '.join(map(str, ALL_PLATFORMS))}"
    if platform.os != "linux":
        raise InvalidPlatform(text, f"the system is {platform.os!r}, only linux images are built", hint=hint)
    if platform.architecture not in _VARIANTS:
        raise InvalidPlatform(text, f"Go has no architecture {platform.architecture!r} on linux", hint=hint)
    _, variants = _VARIANTS[platform.architecture]
    if platform.variant and platform.variant not in variants:
        known = ", ".join(variants) or "none"
        raise InvalidPlatform(
            text,
            f"{platform.architecture} has no variant {platform.variant!r}",
            hint=f"variants of {platform.architecture}: {known}",
        )
    return platform


def platform_variables(platform: Platform) -> dict[str, str]:
    """Name *platform* as Go does: GOOS, GOARCH and the variable of its variant if it has one."""
    variables = {"GOOS": platform.os, "GOARCH": platform.architecture}
    name, variants = _VARIANTS[platform.architecture]
    if platform.variant:
        variables[name] = variants[platform.variant]
    return variables


def go_environment(
    environ: Mapping[str, str], options: BuildOptions, platform: Platform | None = None
) -> dict[str, str]:
    """Give the environment for ``go``: the user's own, with cgo off unless it was asked for.

    Without cgo a program needs no C library, which an image from scratch does not have. CGO_ENABLED=1 in the
    environment is obeyed; whether the outcome is static is then seen from the executable.
    """
    variables = {"CGO_ENABLED": "0", **environ, **dict(options.env)}
    if not variables["CGO_ENABLED"]:
        variables["CGO_ENABLED"] = "0"
    if platform is not None:
        variables |= platform_variables(platform)
    return variables


class GoSettings:
    """Settings as ``go env`` resolves them, for the variables that have a plain default.

    Source: ``cfg.Getenv`` in ``cmd/go``: a non-empty variable, else the GOENV file, else GOROOT/go.env.
    """

    def __init__(self, environ: Mapping[str, str], goroot: str) -> None:
        self._environ = environ
        self.user_file = self._user_file()
        self.files = tuple(path for path in (self.user_file, os.path.join(goroot, "go.env")) if path)
        self._values: dict[str, str] = {}
        for path in reversed(self.files):
            self._values |= _read_env_file(path)

    def _user_file(self) -> str:
        """Give the path of the GOENV file, or "" for none. Source: ``cfg.EnvFile``."""
        if (named := self._environ.get("GOENV", "")) == "off":
            return ""
        if named:
            return named
        config = self._environ.get("XDG_CONFIG_HOME", "")
        if not config:
            home = self._environ.get("HOME", "")
            below = "Library/Application Support" if sys.platform == "darwin" else ".config"
            config = os.path.join(home, below) if home else ""
        return os.path.join(config, "go", "env") if config else ""

    def get(self, name: str) -> str:
        """Give the setting *name*, "" where it is not set."""
        return self._environ.get(name, "") or self._values.get(name, "")

    def all(self) -> dict[str, str]:
        """Give the settings of the files."""
        return dict(self._values)


def _read_env_file(path: str) -> dict[str, str]:
    """Source: ``readEnvFile`` in ``cmd/go/internal/cfg``; lines that are no assignment are passed over."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            lines = file.read(1 << 20).split("\n")
    except OSError:
        return {}
    assignments = (line.partition("=") for line in lines if "A" <= line[:1] <= "Z")
    return {name: value for name, equals, value in assignments if equals}
