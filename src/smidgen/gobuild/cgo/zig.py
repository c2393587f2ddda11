"""Finds zig, the C compiler: the package ``ziglang`` beside us, else ``zig`` on PATH. It is not started for that."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from smidgen.errors import ToolchainNotFound
from smidgen.gobuild.process import find_executable

_HINT: Final = "`pip install 'smidgen[cgo]'` gets it from PyPI; or put a `zig` of release 0.13 or newer on PATH"


@dataclass(frozen=True, slots=True)
class Zig:
    """A zig on this machine.

    Attributes:
        path: The executable, absolute, symbolic links resolved.
        identity: Differs when the executable does.
    """

    path: str
    identity: str


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
            return _at(packaged)
    found = find_executable("zig", environ.get("PATH", os.defpath))
    if found is None:
        raise ToolchainNotFound("no C compiler: no ziglang package and no `zig` on PATH", hint=_HINT)
    return _at(found)


def _at(path: str) -> Zig:
    path = os.path.realpath(path)
    stat = os.stat(path)
    return Zig(path, f"{stat.st_size}:{stat.st_mtime_ns}")
