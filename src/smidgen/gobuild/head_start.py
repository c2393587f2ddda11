"""A compiler that somebody started before it was known what has to be built.

``smidgen.cli.quick`` starts it, as it was started the last time; here it is taken over if that was right.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, Protocol

from smidgen.gobuild.process import Command, Process

# The number of the process that uses it follows, and a dash.
_PREFIX: Final = "smidgen-build-"


class HeadStart(Protocol):
    """A compiler that was started before it was known whether it is what is wanted.

    Attributes:
        arguments: Its command line.
        environment: Its environment.
        output: The directory made for this build, with the compiler's own, ``0``, in it.
        started_ns: When it was started, at the latest: nothing that changed since can be vouched for.
        pid: Its process; to be set to None by whoever takes it over.
        stdout: A pipe to read from.
        stderr: Likewise.
    """

    arguments: list[str]
    environment: dict[str, str]
    output: str
    started_ns: int
    pid: int | None
    stdout: int
    stderr: int


@contextmanager
def output_directory(head_start: HeadStart | None) -> Iterator[str]:
    """Give a directory for executables; whoever gave a head start removes its own."""
    _sweep()
    if head_start is not None:
        yield head_start.output
    else:
        with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as output:
            yield output


def _sweep() -> None:
    """Remove directories that builds of this user left when they were killed."""
    parent = tempfile.gettempdir()
    with suppress(OSError):
        for entry in list(os.scandir(parent)):
            pid = entry.name.removeprefix(_PREFIX).partition("-")[0]
            if not entry.name.startswith(_PREFIX) or not pid.isdecimal() or os.path.exists(f"/proc/{pid}"):
                continue
            if entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                shutil.rmtree(entry.path, ignore_errors=True)


def taken_over(head_start: HeadStart | None) -> tuple[Command, Process] | None:
    """Take the process over, with the command that it was started by; None where there is none."""
    if head_start is None or head_start.pid is None:
        return None
    process = Process.adopt(head_start.pid, head_start.stdout, head_start.stderr)
    head_start.pid = None
    return Command(tuple(head_start.arguments), head_start.environment), process
