"""What a build script compiles with: programs for one platform, and variables that name them.

Without ``--libc`` these are scripts that start zig for the platform, which links statically against musl; with
``--libc glibc`` they are gcc of this machine, or Debian's cross compiler, and the outcome is dynamic.

Source: make's and autoconf's names of variables; cmake-toolchains(7); clang's manual (``-ffile-prefix-map``).
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from smidgen.config.settings import Settings
from smidgen.gobuild.cgo.compiler import Compiler, compiler_for
from smidgen.gobuild.cgo.sysroot import find_sysroot
from smidgen.gobuild.cgo.target import Target, c_target
from smidgen.gobuild.cgo.zig import find_zig
from smidgen.gobuild.environment import platform_variables
from smidgen.oci.platform import Platform

#: Variables of the user's environment that a script gets: to find programs, and to reach the network.
PASSED: Final = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "CCACHE_DIR"}
    | {name for one in ("http_proxy", "https_proxy", "no_proxy", "all_proxy") for name in (one, one.upper())}
)

# Symbols tell what the program needs, so they are kept until the image is made; and a function that nobody calls, which
# they would tell of, is left out.
_LINKING: Final = ("-static", "-g", "-Wl,--gc-sections")
# Where a path of this build stands in the program (__FILE__), the directory of the source is left out.
_COMPILER: Final = """\
#!/bin/sh
# {note}
link=yes
for argument do
  case $argument in -c|-E|-S|-M|-MM|-###|-r|-shared|--version|-v|-dumpmachine|-print-*) link= ;; esac
done
if [ -n "$link" ]; then
  set -- "$@" {linking}
fi
exec {zig} {mode} -target {triple} {compiling} ${{SMIDGEN_SOURCE:+"-ffile-prefix-map=$SMIDGEN_SOURCE=."}} "$@"
"""
_STRIP: Final = """\
#!/bin/sh
# Symbols are taken out when the image is made: they tell what the program needs.
exit 0
"""
_CMAKE: Final = """\
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR {processor})
set(CMAKE_C_COMPILER {place}/cc)
set(CMAKE_CXX_COMPILER {place}/c++)
set(CMAKE_AR {place}/ar)
set(CMAKE_RANLIB {place}/ranlib)
set(CMAKE_STRIP {place}/strip)
set(CMAKE_FIND_ROOT_PATH {root})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """How to compile for one platform.

    Attributes:
        variables: For a script's environment.
        identity: Differs when they do.
        compiler: Scripts to write first, or None where the machine's own programs are taken.
    """

    variables: Mapping[str, str]
    identity: str
    compiler: Compiler | None


def tools_for(settings: Settings, platform: Platform, environ: Mapping[str, str]) -> Tools:
    """Find what compiles for *platform*; nothing is written or started.

    Raises:
        ToolchainNotFound: There is no zig; or, with ``--libc glibc``, no gcc for it.
        InvalidPlatform: It cannot be compiled for.
        UsageError: The sysroot is none.
    """
    target = c_target({"GOARCH": platform.architecture, **platform_variables(platform)})
    named = {
        "TARGETPLATFORM": str(platform),
        "TARGETOS": platform.os,
        "TARGETARCH": platform.architecture,
        "TARGETVARIANT": platform.variant or "",
        "CFLAGS": "-Os -ffunction-sections -fdata-sections",
        "CXXFLAGS": "-Os -ffunction-sections -fdata-sections",
        "LDFLAGS": "-Wl,--gc-sections",
        "LC_ALL": "C",
        "TZ": "UTC",
    }
    if settings.libc:
        return _of_the_machine(platform, target, environ, named)
    return _by_zig(settings, target, environ, named)


def _of_the_machine(platform: Platform, target: Target, environ: Mapping[str, str], named: Mapping[str, str]) -> Tools:
    """Take the machine's own gcc, which links against glibc."""
    from smidgen.gobuild.glibc import c_variables  # few programs are linked like that

    found = c_variables({"PATH": environ.get("PATH", os.defpath)}, platform)
    prefix = found["CC"].removesuffix("gcc")
    host = target.multiarch
    programs = {name.upper(): f"{prefix}{name}" for name in ("ar", "ranlib")}
    variables = {**named, "CC": found["CC"], "CXX": found["CXX"], **programs, "STRIP": "true", "TARGET": host}
    return Tools(variables=variables, identity=f"{found['CC']} {host}", compiler=None)


def _by_zig(settings: Settings, target: Target, environ: Mapping[str, str], named: Mapping[str, str]) -> Tools:
    """Take zig, which links one static file against musl."""
    zig = find_zig(environ)
    sysroot = find_sysroot(settings.sysroot, target)
    plain = compiler_for(target, zig, sysroot, environ)
    values = {
        "note": f"C for {target.triple}, by zig {zig.identity}",
        "zig": _quoted(zig.path),
        "triple": target.triple,
        "compiling": " ".join(
            [
                "-fno-sanitize=undefined",
                *([f"-mcpu={target.cpu}"] if target.cpu else []),
                *(f"-idirafter {_quoted(path)}" for path in sysroot.headers),
            ]
        ),
        "linking": " ".join([*_LINKING, *(f"-L{_quoted(path)}" for path in sysroot.libraries)]),
    }
    scripts = {
        **dict(plain.scripts),
        "cc": _COMPILER.format(mode="cc", **values),
        "c++": _COMPILER.format(mode="c++", **values),
        "strip": _STRIP,
    }
    compiler = _placed(scripts, target.triple, root=sysroot.root, like=plain)
    place = compiler.directory
    variables = {
        **named,
        **{name: os.path.join(place, program) for name, program in _PROGRAMS.items()},
        "TARGET": target.triple,
        "CMAKE_TOOLCHAIN_FILE": os.path.join(place, "toolchain.cmake"),
        "ZIG_GLOBAL_CACHE_DIR": compiler.cache,
        "ZIG_LOCAL_CACHE_DIR": compiler.cache,
    }
    return Tools(variables=variables, identity=f"{place} {zig.identity}", compiler=compiler)


_PROGRAMS: Final = {
    "CC": "cc",
    "CXX": "c++",
    "AR": "ar",
    "RANLIB": "ranlib",
    "STRIP": "strip",
    "PKG_CONFIG": "pkg-config",
}


def _placed(scripts: Mapping[str, str], triple: str, *, root: str, like: Compiler) -> Compiler:
    """Give *scripts* a directory that is called after their text, with cmake's description of them."""
    digest = hashlib.sha256(f"{scripts}\0{root}".encode()).hexdigest()[:16]
    # Beside it, where its link to zig is made too.
    place = os.path.join(os.path.dirname(like.directory), f"{triple}-{digest}")
    cmake = _CMAKE.format(processor=triple.partition("-")[0], place=place, root=root or "/nonexistent")
    return Compiler(place, (*scripts.items(), ("toolchain.cmake", cmake)), like.cache, like.link)


def _quoted(text: str) -> str:
    """Quote *text* for a shell."""
    return "'" + text.replace("'", "'\\''") + "'"
