"""What a C compiler or linker said, and what to do about it.

Source: the messages of clang and ld.lld 17 to 22, and of zig's own linker front end.
"""

import os
import re
from collections.abc import Iterator
from typing import Final

from smidgen.gobuild.cgo.debian import package_of_header, package_of_library
from smidgen.gobuild.cgo.sysroot import Sysroot
from smidgen.gobuild.cgo.target import Target

_HEADER: Final = re.compile(
    r"^(?P<who>[^\s:#][^:\n]*:\d+)(?::\d+)?: fatal error: '(?P<name>[^']+)' file not found", re.MULTILINE
)
_LIBRARY: Final = re.compile(r'unable to find (?:static|dynamic) system library "(?P<name>[^"]+)"')
_SEARCHED: Final = re.compile(r"^\s+(?P<path>/\S+)\.a$", re.MULTILINE)
_SYMBOL: Final = re.compile(r"undefined symbol: (?P<name>\S+)")
_REFERENCE: Final = re.compile(r">>> referenced by (?P<who>.+)")
_INCOMPATIBLE: Final = re.compile(r"error: (?P<file>\S+) is incompatible with (?P<want>\S+)")
_PKG_CONFIG: Final = re.compile(r"pkg-config (?:is not asked about|--cflags)[^\n]*-- (?P<names>[^\n\]:]+)")
# What glibc has and musl has not. Sources: musl 1.2.4 release notes (LFS64), glibc's debug/ (fortify).
_LARGE_FILES: Final = re.compile(
    r"^(?:[fl]?stat|fstatat|f?statvfs|open|openat|creat|p?(?:read|write)v?|lseek|mmap|f?truncate|readdir|scandir"
    r"|fopen|freopen|fseeko|ftello|[gs]etrlimit|sendfile|posix_fallocate|posix_fadvise)64\Z"
)
_OF_GLIBC: Final = re.compile(
    r"^(?:__\w+_chk|__isoc(?:99|23)_\w+|__libc_\w+|gnu_get_libc_version|__res_\w+|\w+_np64)\Z"
)
# A call that the linker writes down, whole: hundreds of temporary files that are gone.
_CALL: Final = re.compile(r"^\S+/cgo/\S+/(?:cc|c\+\+) .* -o \S+/a\.out .*\n", re.MULTILINE)


def shortened(output: str) -> str:
    """Leave out of the output what nobody can use: the linker's own command line."""
    return _CALL.sub("", output)


def advice(output: str, target: Target, sysroot: Sysroot, *, host: str = "/", variables: str = "CGO_") -> str | None:
    """Say what can be done about a C compiler's complaint; None where nothing is known.

    Args:
        output: What it said.
        target: What it compiled for.
        sysroot: Where headers and libraries were sought.
        host: The root of this machine.
        variables: What the names of variables begin with in which a user gives arguments: CGO_CFLAGS and so on.
    """
    parts = list(dict.fromkeys(_advice(output, target, sysroot, host, variables)))
    return "; ".join(parts[:4]) or None


def _advice(output: str, target: Target, sysroot: Sysroot, host: str, variables: str) -> Iterator[str]:
    for match in _HEADER.finditer(output):
        yield _missing_header(match["name"], match["who"], target, sysroot, host)
    for match in _LIBRARY.finditer(output):
        yield _missing_library(match["name"], output, target, sysroot, host)
    for match in _PKG_CONFIG.finditer(output):
        names = match["names"].strip()
        yield f"pkg-config is asked for {names}, which is not in {_where(sysroot)}: {_get(_package(names), target)}"
    if symbol := _SYMBOL.search(output):
        reference = _REFERENCE.search(output)
        yield _undefined(symbol["name"], reference["who"] if reference else "", target, variables)
    for match in _INCOMPATIBLE.finditer(output):
        yield f"{match['file']} was compiled for another machine, expected {target.triple} ({match['want']})"


def _missing_header(name: str, who: str, target: Target, sysroot: Sysroot, host: str) -> str:
    package = package_of_header(name)
    of = f", of Debian's {package}" if package else ""
    places = [os.path.join(host, "usr/include", more, name) for more in (target.multiarch, "")]
    said = f"{who} includes {name}{of}, which is not in {_where(sysroot)}"
    if sysroot.root != host and (there := next(filter(os.path.isfile, places), None)):
        said += f" ({there} of this machine is not taken unasked)"
    return f"{said}: {_get(package, target)}"


def _missing_library(name: str, output: str, target: Target, sysroot: Sysroot, host: str) -> str:
    searched = [match["path"] for match in _SEARCHED.finditer(output) if match["path"].endswith(f"/lib{name}")]
    shared = [f"{path}.so" for path in searched if os.path.exists(f"{path}.so")]
    package = package_of_library(name)
    if shared:
        return (
            f"lib{name} is there as a shared library only ({shared[0]}), which an image from scratch cannot have: "
            f"a static lib{name}.a is needed, for {target.triple}"
        )
    here = os.path.join(host, "usr/lib", target.multiarch, f"lib{name}.a")
    said = f"-l{name} needs lib{name}.a, which is not in {_where(sysroot)}"
    if sysroot.root != host and os.path.isfile(here):
        said += f" ({here} of this machine is not taken unasked)"
    return f"{said}: {_get(package, target)}"


def _where(sysroot: Sysroot) -> str:
    return f"--sysroot {sysroot.root}" if sysroot.root else "zig, and no --sysroot is named"


def _get(package: str, target: Target) -> str:
    if not package:
        return f"name a directory that has it for {target.debian}, as usr/include and usr/lib, with --sysroot DIR"
    return (
        f"`apt-get download {package}:{target.debian} && dpkg-deb -x {package}_*.deb DIR` and --sysroot DIR, "
        f"or `apt-get install {package}:{target.debian}` and --sysroot /"
    )


def _package(names: str) -> str:
    """Give the package that most likely has what pkg-config calls so."""
    first = names.split(maxsplit=1)[0].removeprefix("lib")
    return package_of_library({"zlib": "z", "openssl": "ssl", "sqlite3": "sqlite3"}.get(first, first))


def _undefined(name: str, who: str, target: Target, variables: str) -> str:
    by = f", which {who} refers to," if who else ""
    if _LARGE_FILES.match(name):
        return (
            f"{name}{by} is of glibc: musl's {name.removesuffix('64')} takes large files anyway. Newer releases of "
            f"most programs know that; for others set {variables}CFLAGS='-O2 -D_LARGEFILE64_SOURCE'"
        )
    if _OF_GLIBC.match(name):
        return f"{name}{by} is of glibc: a library was compiled for it. Take one that was compiled for musl"
    return (
        f"{name}{by} is in no library that is linked for {target.triple}: "
        f"one more is needed in {variables}LDFLAGS, as -lNAME"
    )
