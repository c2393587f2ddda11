"""Go programs with C code that are linked dynamically against glibc: which compiler, and where its libraries are.

Source: ``go help environment`` (CC, CXX, AR, CGO_ENABLED); Debian's names of cross compilers and of their libraries.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from smidgen.errors import ToolchainNotFound
from smidgen.gobuild.environment import host_platform
from smidgen.oci.platform import Platform

_TRIPLES: Final = {
    "amd64": "x86_64-linux-gnu",
    "arm64": "aarch64-linux-gnu",
    "arm": "arm-linux-gnueabihf",
    "386": "i686-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "ppc64le": "powerpc64le-linux-gnu",
    "s390x": "s390x-linux-gnu",
}
_DEBIAN: Final = {"arm": "armhf", "386": "i386", "ppc64le": "ppc64el"}


def c_variables(environ: Mapping[str, str], platform: Platform) -> dict[str, str]:
    """Give what Go is told of the C compiler for *platform*; what the user set stays.

    Raises:
        ToolchainNotFound: There is no such compiler.
    """
    variables = {"CGO_ENABLED": "1"}
    prefix = "" if _is_host(platform) else f"{_TRIPLES.get(platform.architecture, platform.architecture)}-"
    for name, program in (("CC", "gcc"), ("CXX", "g++")):
        if not environ.get(name):
            variables[name] = f"{prefix}{program}"
    compiler = (environ.get("CC") or variables["CC"]).split()[0]
    if shutil.which(compiler, path=environ.get("PATH", os.defpath)) is None:
        raise ToolchainNotFound(
            f"no C compiler for {platform}: {compiler} is not on PATH", hint=f"apt-get install {_packages(platform)}"
        )
    return variables


def sysroot_of(platform: Platform, asked: str) -> Path | None:
    """Say where the libraries for *platform* are: where the user says, else where Debian puts those of another machine.

    Args:
        platform: What the program is for.
        asked: A directory, or empty.
    """
    if asked:
        return Path(asked)
    if _is_host(platform):
        return None
    triple = Path("/usr") / _TRIPLES.get(platform.architecture, platform.architecture)
    return triple if (triple / "lib").is_dir() else None


def _is_host(platform: Platform) -> bool:
    return platform.architecture == host_platform().architecture


def _packages(platform: Platform) -> str:
    if _is_host(platform):
        return "gcc libc6-dev"
    triple = _TRIPLES.get(platform.architecture, platform.architecture).replace("_", "-")
    debian = _DEBIAN.get(platform.architecture, platform.architecture)
    return f"gcc-{triple} libc6-dev-{debian}-cross"
