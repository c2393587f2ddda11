"""Advice: which package of Debian has a library that was not found. Nothing is downloaded.

Source: Debian Policy 8.1 (names of packages of libraries), deb-shlibs.
"""

import posixpath
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from smidgen.needs.closure.closure import Missing, Reason
from smidgen.needs.closure.root import Root

_SECONDS: Final = 20
_DEBIAN: Final = {
    "amd64": "amd64",
    "386": "i386",
    "arm64": "arm64",
    "arm": "armhf",
    "ppc64le": "ppc64el",
    "s390x": "s390x",
    "riscv64": "riscv64",
    "loong64": "loong64",
    "mips64le": "mips64el",
}
_USUAL: Final = ("/usr/local/lib", "/usr/lib", "/lib", "/usr/lib64", "/lib64")


def advise(missing: Missing, architecture: str, root: Root, near: str) -> str:
    """Say what to do about a library that was not found in *root*; empty where nothing can be said.

    Args:
        missing: A library, or an interpreter.
        architecture: As GOARCH names it.
        root: Where it was sought.
        near: Where it is beside a library that was found, or empty.
    """
    name = missing.name
    if missing.reason is Reason.DLOPEN:
        return ""
    if near:
        return (
            f"{near} is there, and {missing.needed_by[0]} does not look for it there (a RUNPATH counts for its own "
            "file alone): link that with -Wl,-rpath,'$ORIGIN'"
        )
    if not root.is_host:
        return _on_host(name, root, missing.sought)
    package = _owner(name) or _named_alike(posixpath.basename(name))
    if package:
        return _install(package, architecture)
    if missing.reason is Reason.INTERPRETER:
        return (
            "it was built for a system whose loader is there: give that system's root with --sysroot DIR, "
            "or build the program here"
        )
    return "install the package that has it, or say where it is with --sysroot DIR"


def advise_on_optional(names: Sequence[str], architecture: str, root: Root) -> str:
    """Say where one of some names of a library is from, which a program may do without; empty where none is known.

    Args:
        names: As a program tries them.
        architecture: As GOARCH names it.
        root: Where they were sought.
    """
    package = _named_alike(*(posixpath.basename(one) for one in names)) if root.is_host else ""
    return _install(package, architecture) if package else ""


def _install(package: str, architecture: str) -> str:
    debian = _DEBIAN.get(architecture, architecture)
    if debian == _own_architecture():
        return f"apt-get install {package}"
    return (
        f"dpkg --add-architecture {debian} && apt-get update && apt-get install {package}:{debian}, "
        "or say where its libraries are with --sysroot DIR"
    )


def _on_host(name: str, root: Root, sought: Iterable[str]) -> str:
    places = [name] if "/" in name else [f"{one}/{name}" for one in (*sought, *_places())]
    here = next((one for one in places if Path(one).is_file()), None)
    if here is None:
        return f"install it in the sysroot {root.directory}"
    return f"this machine has {here}, which is not in the sysroot {root.directory}: put it there if it belongs to it"


def _places() -> Iterator[str]:
    for one in _USUAL:
        yield one
        with_architecture = Path(one)
        if with_architecture.is_dir():
            yield from (str(below) for below in sorted(with_architecture.glob("*-linux-*")))


def _owner(name: str) -> str:
    """Ask dpkg which installed package has a file of that name, of another architecture as a rule."""
    pattern = name if "/" in name else f"*/{name}"
    found = sorted({line.partition(":")[0] for line in _lines("dpkg", "-S", pattern) if name in line})
    # What was built to compile for another machine is no library of this one.
    usable = [one for one in found if "-cross" not in one and "diversion" not in one]
    return usable[0] if usable else ("libc6" if posixpath.basename(name).startswith("ld-linux") else "")


def _named_alike(*names: str) -> str:
    """Guess the package by the rule of its name, and ask apt's own lists whether there is one."""
    if names and names[0].startswith("ld-musl-"):
        return "musl"
    candidates = list(dict.fromkeys(candidate for name in names for candidate in _candidates(name)))
    if not candidates or not shutil.which("apt-cache"):
        return ""
    # A package to compile with comes last: it brings more than what is needed.
    candidates.sort(key=lambda one: one.endswith("-dev"))
    shown = _lines("apt-cache", "show", "--no-all-versions", *candidates)
    known = {line.removeprefix("Package: ") for line in shown if line.startswith("Package: ")}
    return next((one for one in candidates if one in known), "")


def _candidates(name: str) -> tuple[str, ...]:
    match = re.fullmatch(r"lib([A-Za-z0-9+_.\-]+?)\.so\.?([0-9.]*)", name)
    if match is None:
        return ()
    stem, version = match[1].lower().replace("_", "-"), match[2]
    joined = f"{stem}-{version}" if stem[-1:].isdigit() and version else f"{stem}{version}"
    return (f"lib{joined}", f"lib{joined}t64", f"lib{stem}{version.partition('.')[0]}", f"lib{stem}-dev")


def _own_architecture() -> str:
    return next(iter(_lines("dpkg", "--print-architecture")), "")


def _lines(*command: str) -> list[str]:
    """Give what a command of the system says; nothing where there is none, or it fails."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    # Both say what they know, and fail if they do not know all.
    return done.stdout.decode("utf-8", "replace").splitlines()
