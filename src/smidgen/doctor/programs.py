"""Asking programs of this machine what they are."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from smidgen.registry.answers import harmless

_SECONDS: Final = 10.0
_MOST: Final = 120


def first_line(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """Give the first line that *command* writes; empty where it is not there, fails, or takes too long."""
    path = shutil.which(command[0], path=environ.get("PATH", os.defpath))
    if path is None:
        return ""
    try:
        ended = subprocess.run(
            [path, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
            env=dict(environ),
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    lines = ended.stdout[:4096].decode(errors="replace").splitlines()
    return harmless(lines[0], _MOST) if lines else ""
