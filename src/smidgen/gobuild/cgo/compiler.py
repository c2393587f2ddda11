"""The C compiler as ``go build`` starts it: scripts in a directory of our own, one for each target.

A script's directory is called after its text, so that Go, which knows a compiler by its path, compiles C
again when zig, the target or the directory of libraries is another one, and else never. The script starts zig in a
directory that is called after its release (``smidgen.gobuild.cgo.home``): what Go compiled with it is found again when
the same release is installed anew or elsewhere, as it is in each virtual environment and in each run of a CI.

To each program a small library of ours is linked, ``glibc.c``: what static libraries that were compiled for glibc call,
and musl does not have. Nothing is taken from it that is not called.

Source: ``go help environment`` (CC, CXX, AR, PKG_CONFIG); clang's manual (``-idirafter``); pkg-config(1).
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.errors import BuildError
from smidgen.gobuild.cgo.home import Home, cache_directory, zig_home
from smidgen.gobuild.cgo.sysroot import Sysroot
from smidgen.gobuild.cgo.target import Target
from smidgen.gobuild.cgo.zig import Zig
from smidgen.gobuild.process import find_executable

#: A definition whose value is a digest of files that Go does not look at: when it changes, Go compiles again.
INPUTS_DEFINITION: Final = "SMIDGEN_INPUTS"

# What a script leaves out of the arguments: our definition, so that zig's own cache sees what really changed; and for
# the linker a wish for debug data, which Go adds even where it wants none. zig compiles the C library once more for
# each other way of linking. A program is linked three times: by cmd/cgo, to look at it; by cmd/link, to see whether it
# can be; and in the end. All are made alike, as nothing but objects is linked.
_COMPILER: Final = """\
#!/bin/sh
# {note}
link=yes
trial=
for argument do
  case $argument in
    -c|-E|-S|-M|-MM|-###) link= ;;
    */_cgo_.o|*/trivial.c) trial=-s ;;
  esac
done
for argument do
  shift
  case $argument in
    -D{definition}=*{dropped}) ;;
    -g) if [ -z "$link" ]; then set -- "$@" -g; fi ;;
    -fPIC|-O*) if [ -z "$link" ]; then set -- "$@" "$argument"; fi ;;
    *) set -- "$@" "$argument" ;;
  esac
done
{library}if [ -n "$link" ]; then
{glibc}\
  # First, before an argument that says of what language files are.
  set -- -O2 "$place/glibc.a" "$@" $trial {linking}
fi
exec {zig} {mode} -target {triple} {compiling} "$@"
"""
_GLIBC_LIBRARY: Final = """\
  place=${{0%/*}}
  if [ ! -e "$place/glibc.a" ]; then
    {zig} cc -target {triple} {compiling} {for_glibc} -c -o "$place/$$.o" "$place/glibc.c" &&
      {zig} ar rcs "$place/$$.a" "$place/$$.o" && rm "$place/$$.o" && mv "$place/$$.a" "$place/glibc.a" || exit 1
  fi
"""
_TOOL: Final = '#!/bin/sh\n{library}exec {zig} {mode} "$@"\n'
# Source: ``zig env``. What the user set stays.
_LIBRARY: Final = '[ -n "$ZIG_LIB_DIR" ] || export ZIG_LIB_DIR={library}\n'
# How it is compiled: each function can be left out alone, and no call of one of them becomes a call of itself.
_FOR_GLIBC: Final = "-O2 -g0 -fno-builtin -fno-stack-protector -ffunction-sections -fdata-sections"
# Without a directory of libraries there is nothing that pkg-config may find: what this machine has is for its own libc.
_NO_PKG_CONFIG: Final = """\
#!/bin/sh
echo "pkg-config is not asked about $*: the libraries of this machine are for its own C library (see --sysroot)" >&2
exit 1
"""
_PKG_CONFIG: Final = """\
#!/bin/sh
export PKG_CONFIG_LIBDIR={places} PKG_CONFIG_SYSROOT_DIR={root} PKG_CONFIG_PATH=
exec {program} --static "$@"
"""


@dataclass(frozen=True, slots=True)
class Compiler:
    """Scripts that are a C compiler for one target.

    Attributes:
        directory: Where they are, or will be.
        scripts: Name → text.
        home: Where scripts start zig.
    """

    directory: str
    scripts: tuple[tuple[str, str], ...]
    home: Home

    def variables(self) -> dict[str, str]:
        """Give the environment that makes ``go`` use them."""
        return {
            "CGO_ENABLED": "1",
            "CC": os.path.join(self.directory, "cc"),
            "CXX": os.path.join(self.directory, "c++"),
            "AR": os.path.join(self.directory, "ar"),
            "PKG_CONFIG": os.path.join(self.directory, "pkg-config"),
            **self.home.caches(),
        }

    def write(self) -> None:
        """Write the scripts, and zig where they start it, if they are not there.

        Raises:
            BuildError: They cannot be written.
        """
        try:
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            for name, text in self.scripts:
                path = os.path.join(self.directory, name)
                if not os.path.exists(path):
                    _write_script(path, text)
        except OSError as error:
            raise BuildError(f"cannot write {error.filename}: {error.strerror}") from error
        self.home.provide()


def _write_script(path: str, text: str) -> None:
    # Whole or not at all: another build may be about to start it.
    fresh = f"{path}.{os.getpid()}"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(fresh, path)


def compiler_for(target: Target, zig: Zig, sysroot: Sysroot, environ: Mapping[str, str]) -> Compiler:
    """Describe the compiler for *target*; nothing is written or started.

    Args:
        target: What to compile for.
        zig: What compiles.
        sysroot: Where headers and libraries are, beside those that zig has itself.
        environ: For the directory of caches, and for PATH.
    """
    home = zig_home(zig, environ)
    compiling = ["-fno-sanitize=undefined", *([f"-mcpu={target.cpu}"] if target.cpu else []), *target.compiling]
    compiling += [f"-idirafter {_quoted(path)}" for path in sysroot.headers]
    values = {
        "note": f"C for {target.triple}, by zig {zig.identity}",
        "definition": INPUTS_DEFINITION,
        "dropped": "".join(f"|{flag}" for flag in target.dropped),
        "zig": _quoted(home.path),
        "library": library_line(home.library),
        "triple": target.triple,
        "compiling": " ".join(compiling),
        "linking": " ".join(["-static", *target.linking, *(f"-L{_quoted(path)}" for path in sysroot.libraries)]),
    }
    values["glibc"] = glibc_library(values)
    scripts = (
        ("cc", _COMPILER.format(mode="cc", **values)),
        ("c++", _COMPILER.format(mode="c++", **values)),
        ("glibc.c", Path(__file__).with_name("glibc.c").read_text(encoding="utf-8")),
        ("ar", _TOOL.format(mode="ar", **values)),
        ("ranlib", _TOOL.format(mode="ranlib", **values)),
        ("pkg-config", _pkg_config(sysroot, environ)),
    )
    name = hashlib.sha256("\0".join(text for script in scripts for text in script).encode()).hexdigest()[:16]
    return Compiler(os.path.join(cache_directory(environ), "cgo", f"{target.triple}-{name}"), scripts, home)


def library_line(library: str) -> str:
    """Give the line of a script that tells zig where its own headers and sources are; "" where it finds them."""
    return _LIBRARY.format(library=_quoted(library)) if library else ""


def glibc_library(values: Mapping[str, str]) -> str:
    """Give the part of a script that sees to it that ``glibc.a`` is in the script's directory, ``$place``.

    Args:
        values: ``zig``, ``triple`` and ``compiling``, as the script has them.
    """
    return _GLIBC_LIBRARY.format(
        for_glibc=_FOR_GLIBC, **{name: values[name] for name in ("zig", "triple", "compiling")}
    )


def _pkg_config(sysroot: Sysroot, environ: Mapping[str, str]) -> str:
    program = find_executable("pkg-config", environ.get("PATH", os.defpath))
    if not sysroot.root:
        return _NO_PKG_CONFIG
    if program is None:
        return "#!/bin/sh\necho 'pkg-config is not installed: apt-get install pkgconf' >&2\nexit 1\n"
    places = ":".join(sysroot.descriptions)
    # With the root of this machine itself there is nothing to put before a path.
    root = "" if sysroot.root == "/" else sysroot.root
    return _PKG_CONFIG.format(places=_quoted(places), root=_quoted(root), program=_quoted(program))


def _quoted(text: str) -> str:
    """Quote *text* for a shell."""
    return "'" + text.replace("'", "'\\''") + "'"
