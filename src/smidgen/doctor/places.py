"""Directories that are written to: whether they can be, and how much room there is."""

import os
from pathlib import Path
from typing import Final

from smidgen.doctor.finding import Area, Finding, State

# Less than this and a build of a large program, or of a small Dockerfile, may not fit.
_LITTLE: Final = 1 << 30
_ST_NOEXEC: Final = 8


def place(area: Area, name: str, directory: Path, *, advice: str, executes: bool = False) -> Finding:
    """Look at a directory that is, or is to be, written to.

    Args:
        area: Of the finding.
        name: Of the finding.
        directory: It need not exist.
        advice: How another one is chosen.
        executes: Programs are started from there.
    """
    standing = _standing(directory)
    try:
        status = os.statvfs(standing)
    except OSError as error:
        said = f"{directory} cannot be looked at: {error.strerror}"
        return Finding(area=area, name=name, state=State.BAD, said=said, advice=advice)
    free = status.f_bavail * status.f_frsize
    fault = ""
    if not os.path.isdir(standing):
        fault = f"{standing} is no directory"
    elif not os.access(standing, os.W_OK | os.X_OK):
        fault = "this user cannot write there"
    elif executes and status.f_flag & _ST_NOEXEC:
        fault = "mounted noexec, so no program can be started from there"
    elif free < _LITTLE:
        fault = f"only {free / 1e9:.1f}GB free"
    elif status.f_files and not status.f_favail:
        fault = "no room for another file (inodes)"
    if fault:
        return Finding(area=area, name=name, state=State.BAD, said=f"{directory}: {fault}", advice=advice)
    return Finding(area=area, name=name, state=State.GOOD, said=f"{directory}, {free / 1e9:.1f}GB free")


def _standing(directory: Path) -> Path:
    """Give *directory*, or the nearest above it that is there."""
    absolute = Path(os.path.abspath(directory))
    return next((one for one in (absolute, *absolute.parents) if os.path.lexists(one)), Path("/"))
