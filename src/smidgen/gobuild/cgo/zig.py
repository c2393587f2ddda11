"""Finds zig, the C compiler: the package ``ziglang`` beside us, else ``zig`` on PATH. It is not started for that."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from smidgen.errors import ToolchainNotFound
from smidgen.gobuild.process import find_executable

_HINT: Final = "`pip install 'smidgen[cgo]'` gets it from PyPI; or put a `zig` of release 0.13 or newer on PATH"
# Source: Python packaging's "Recording installed projects": NAME-VERSION.dist-info is beside the package.
_RELEASE: Final = re.compile(r"^ziglang-[0-9][\w.+!-]*\.dist-info\Z")


@dataclass(frozen=True, slots=True)
class Zig:
    """A zig on this machine.

    Attributes:
        path: The executable, absolute, symbolic links resolved.
        identity: Differs when the executable does; of the package, the same wherever and whenever it was installed.
        library: The directory of its own headers and sources, where it is beside the executable as in the package, and
            so can be told to it; else "", and zig finds it itself.
    """

    path: str
    identity: str
    library: str = ""


def find_zig(environ: Mapping[str, str], *, python_path: Sequence[str] | None = None) -> Zig:
    """Find zig.

    Args:
        environ: For PATH.
        python_path: Where packages are; ``sys.path`` by default.

    Raises:
        ToolchainNotFound: There is none.
    """
    for directory in sys.path if python_path is None else python_path:
        # The script that the package puts on PATH is Python, which would cost every call its start.
        packaged = os.path.join(directory, "ziglang", "zig")
        if os.path.isfile(packaged) and os.access(packaged, os.X_OK):
            return _packaged(packaged, directory)
    found = find_executable("zig", environ.get("PATH", os.defpath))
    if found is None:
        raise ToolchainNotFound("no C compiler: no ziglang package and no `zig` on PATH", hint=_HINT)
    return _at(found)


def _packaged(path: str, directory: str) -> Zig:
    """Describe the zig of the package; its release names it, as of one release nothing changes but the machine."""
    path = os.path.realpath(path)
    releases = sorted(filter(_RELEASE.match, os.listdir(directory)))
    library = os.path.join(os.path.dirname(path), "lib")
    if len(releases) != 1 or not os.path.isdir(library):
        return _at(path)
    return Zig(path, f"{releases[0].removesuffix('.dist-info')}-{os.stat(path).st_size}", library)


def _at(path: str) -> Zig:
    path = os.path.realpath(path)
    stat = os.stat(path)
    return Zig(path, f"{path}:{stat.st_size}:{stat.st_mtime_ns}")
