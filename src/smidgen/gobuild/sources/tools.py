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
from smidgen.gobuild.cgo.compiler import Compiler, compiler_for, glibc_library, library_line
from smidgen.gobuild.cgo.faults import advice
from smidgen.gobuild.cgo.sysroot import Sysroot, find_sysroot
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
_LINKING: Final = ("-g", "-Wl,--gc-sections")
# zig compiles the C library, and that of C++, once more for each other way of linking: optimized or not, with position
# independent code, with debugging data. Where objects are linked, nothing of that says anything of the program, and all
# is linked alike. Where a source is compiled and linked at once, clang is told past zig how to optimize it.
# The target is left out as others call it: cargo's crates name it as Rust does.
# Assertions stay, as with other compilers, unless the project leaves them out: zig would leave them out with any -O.
# Where a path of this build stands in the program (__FILE__), the directory of the source is left out.
_COMPILER: Final = """\
#!/bin/sh
# {note}
{library}link=yes
source=
level=
for argument do
  case $argument in
    -c|-E|-S|-M|-MM|-###|-r|-shared|--version|-v|-dumpmachine|-print-*) link= ;;
    -|-x*|*.c|*.cc|*.cpp|*.cxx|*.c++|*.C|*.s|*.S|*.m) source=yes ;;
    -O*) level=yes ;;
  esac
done
for argument do
  shift
  case $link:$source:$argument in
    *:*:--target=*) ;;
    yes:*:-s|yes:*:-g0|yes:*:-Wl,-s|yes:*:-Wl,-S|yes:*:-Wl,--strip-all|yes:*:-Wl,--strip-debug) ;;
    yes::-O*|yes::-g*|yes::-f[Pp][Ii][CcEe]) ;;
    yes:yes:-O[1-9sz]|yes:yes:-O|yes:yes:-Ofast) set -- "$@" -Xclang "$argument" ;;
    *) set -- "$@" "$argument" ;;
  esac
done
if [ -n "$link" ]; then
{glibc}\
  # Before a library, as zig would take a shared one for it.
  set -- -Os -static {first}"$@" {linking}
elif [ -z "$level" ]; then
  set -- -Os "$@"
fi
exec {zig} {mode} -target {triple} {compiling} \\
  ${{SMIDGEN_SOURCE:+"-ffile-prefix-map=$SMIDGEN_SOURCE=."}} "$@"
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
        target: What it compiles for.
        sysroot: Where headers and libraries are sought.
    """

    variables: Mapping[str, str]
    identity: str
    compiler: Compiler | None
    target: Target
    sysroot: Sysroot

    def advice(self, output: str) -> str | None:
        """Say what can be done about the compiler's complaint in *output*; None where nothing is known."""
        return advice(output, self.target, self.sysroot, variables="") if self.compiler is not None else None


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
    return Tools(variables=variables, identity=f"{found['CC']} {host}", compiler=None, target=target, sysroot=Sysroot())


def _by_zig(settings: Settings, target: Target, environ: Mapping[str, str], named: Mapping[str, str]) -> Tools:
    """Take zig, which links one static file against musl."""
    zig = find_zig(environ)
    sysroot = find_sysroot(settings.sysroot, target)
    plain = compiler_for(target, zig, sysroot, environ)
    home = plain.home
    values = {
        "note": f"C for {target.triple}, by zig {zig.identity}",
        "zig": _quoted(home.path),
        "library": library_line(home.library),
        "triple": target.triple,
        "compiling": " ".join(
            [
                "-fno-sanitize=undefined",
                "-UNDEBUG",
                *([f"-mcpu={target.cpu}"] if target.cpu else []),
                *target.compiling,
                *(f"-idirafter {_quoted(path)}" for path in sysroot.headers),
            ]
        ),
        "linking": " ".join([*_LINKING, *(f"-L{_quoted(path)}" for path in sysroot.libraries)]),
    }
    # Libraries of a system were compiled for its own C library, as a rule.
    values["first"] = '"$place/glibc.a" ' if sysroot.root else ""
    values["glibc"] = glibc_library(values) if sysroot.root else ""
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
        **home.caches(),
    }
    return Tools(
        variables=variables, identity=f"{place} {zig.identity}", compiler=compiler, target=target, sysroot=sysroot
    )


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
    place = os.path.join(os.path.dirname(like.directory), f"{triple}-{digest}")
    cmake = _CMAKE.format(processor=triple.partition("-")[0], place=place, root=root or "/nonexistent")
    return Compiler(place, (*scripts.items(), ("toolchain.cmake", cmake)), like.home)


def _quoted(text: str) -> str:
    """Quote *text* for a shell."""
    return "'" + text.replace("'", "'\\''") + "'"
