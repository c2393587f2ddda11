"""Runs a build script for one platform, in a copy of the source, and finds the executable that it made."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from smidgen.errors import BuildError, CompileError
from smidgen.gobuild.cgo.home import cache_directory
from smidgen.gobuild.process import Command, Outcome, find_executable
from smidgen.gobuild.sources.tools import PASSED, Tools
from smidgen.gobuild.sources.tree import copy_tree
from smidgen.oci.platform import Platform

_LAST_LINES: Final = 40
_SHOWN: Final = 8
_LOOKED_AT: Final = 20_000
_MAGIC: Final = b"\x7fELF"


@contextmanager
def workplace(environ: Mapping[str, str], key: str) -> Iterator[str]:
    """Give an empty directory that is called after *key*, so that its path is the same wherever the source is.

    Nobody else has it meanwhile; it is removed at the end.

    Raises:
        BuildError: It cannot be made.
    """
    places = os.path.join(cache_directory(environ), "work")
    place = os.path.join(places, key[:24])
    try:
        os.makedirs(places, mode=0o700, exist_ok=True)
        descriptor = _locked(f"{place}.lock")
        shutil.rmtree(place, ignore_errors=True)
        os.mkdir(place)
    except OSError as error:
        raise BuildError(f"cannot write {error.filename}: {error.strerror}") from error
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.unlink(f"{place}.lock")
        os.close(descriptor)


def _locked(path: str) -> int:
    """Open the file *path* as the only one who has it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Whoever had it before removes it at the end: then it is another file that has the name.
        if os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(descriptor)):
            return descriptor
        os.close(descriptor)


def script_command(
    lines: Sequence[str],
    directory: str,
    files: Sequence[str],
    *,
    place: str,
    name: str,
    tools: Tools,
    own: Mapping[str, str],
    environ: Mapping[str, str],
) -> Command:
    """Copy the source to ``src`` below *place*, and give the command that builds it there.

    Args:
        lines: The script.
        directory: Where the source is.
        files: What of it is copied.
        place: An empty directory.
        name: What to call the executable, as ``$OUT``.
        tools: What compiles.
        own: Variables that the user wants.
        environ: The user's environment, of which little is passed.

    Raises:
        BuildError: A file cannot be copied or written; there is no shell.
    """
    shell = find_executable("sh", environ.get("PATH", os.defpath))
    if shell is None:
        raise BuildError("there is no sh on PATH to run the build script with")
    if tools.compiler is not None:
        tools.compiler.write()
    source = os.path.join(place, "src")
    copy_tree(directory, files, source)
    os.mkdir(os.path.join(place, "out"))
    passed = {key: value for key, value in environ.items() if key in PASSED}
    variables = {**passed, **tools.variables, "SMIDGEN_SOURCE": source, "OUT": out_path(place, name), **own}
    script = "\n".join(['cd -- "$0" && exec 1>&2', *lines])
    return Command((shell, "-e", "-c", script, source), variables)


def out_path(place: str, name: str) -> str:
    """Say where ``$OUT`` is in the workplace *place*."""
    return os.path.join(place, "out", name)


def check_ended(outcome: Outcome, target: str, platform: Platform, tools: Tools) -> None:
    """Refuse a script that failed.

    Raises:
        CompileError: With the last lines of what it said.
    """
    if outcome.exit_code == 0:
        return
    how = f"exit code {outcome.exit_code}" if outcome.exit_code > 0 else f"signal {-outcome.exit_code}"
    output = outcome.stderr.decode(errors="replace")
    said = output.splitlines()
    shown = said[-_LAST_LINES:]
    if len(said) > len(shown):
        shown.insert(0, f"[{len(said) - len(shown)} lines before]")
    raise CompileError(
        f"cannot build {target} for {platform}: its build script ended with {how}",
        output="\n".join(shown),
        hint=tools.advice(output),
    )


def made_executable(place: str, name: str, bin_path: str, *, target: str) -> str:
    """Find the executable that a script made.

    Args:
        place: Its workplace.
        name: What ``$OUT`` is called.
        bin_path: What the user said where it is, relative to the source; or empty for ``$OUT``.
        target: For messages.

    Raises:
        BuildError: There is none; says what there is instead.
    """
    source = os.path.realpath(os.path.join(place, "src"))
    path = os.path.join(source, bin_path) if bin_path else out_path(place, name)
    inside = os.path.realpath(place)
    if os.path.isfile(path) and os.path.realpath(path).startswith(f"{inside}/"):
        return path
    where = f"no executable {bin_path}, which bin names" if bin_path else "nothing at $OUT"
    found = sorted(_executables(source))
    if bin_path and os.path.isfile(out_path(place, name)):
        hint = "there is one at $OUT: leave bin out"
    elif not found:
        hint = 'the script ends with, for one, `cp app "$OUT"`, or smidgen.yaml says `bin: app`'
    else:
        hint = f"it made {', '.join(found[:_SHOWN])}: say `bin: {found[0]}` in smidgen.yaml, or --bin {found[0]}"
    raise BuildError(f"the build script of {target} left {where}", hint=hint)


def _executables(source: str) -> Iterator[str]:
    """Give the executables below *source*, relative to it."""
    looked_at = 0
    for directory, _, names in os.walk(source):
        for name in names:
            looked_at += 1
            if looked_at > _LOOKED_AT:
                return
            path = os.path.join(directory, name)
            if os.access(path, os.X_OK) and os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    if file.read(4) == _MAGIC:
                        yield os.path.relpath(path, source)
