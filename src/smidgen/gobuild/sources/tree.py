"""The source of a build script: which files it is, a digest of them, and a copy to work in.

In a git work tree the source is what git does not ignore, so that objects of an earlier build for this machine are no
part of it; elsewhere it is everything but ``.git`` and directories that are marked as caches.

Source: git-ls-files(1); the Cache Directory Tagging Specification (``CACHEDIR.TAG``).
"""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from smidgen.errors import BuildError, UsageError
from smidgen.gobuild.git import find_repository
from smidgen.gobuild.process import find_executable, run

_FILE_LIMIT: Final = 200_000
_SIZE_LIMIT: Final = 8 << 30
# 2001-09-09: ninja takes a file of 1970 for one that is not there.
_TIME: Final = 1_000_000_000
_MARK: Final = "CACHEDIR.TAG"


def source_files(directory: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Give the paths of the files and symbolic links below *directory*, relative to it, sorted.

    Raises:
        UsageError: There are more than any program has.
        BuildError: A directory cannot be read.
    """
    found = _of_git(directory, environ)
    paths = _below(directory, "") if found is None else _expanded(directory, found)
    try:
        files = sorted(_bounded(directory, paths))
    except OSError as error:
        raise BuildError(f"cannot read {error.filename}: {error.strerror}") from error
    return tuple(files)


def walked_files(directory: str, *, without: frozenset[str]) -> tuple[str, ...]:
    """Give the paths of all files below *directory*, whatever git says of them, but for marked caches.

    Args:
        directory: Where to look.
        without: Names right in there that are left out.

    Raises:
        UsageError: There are more than any program has.
        BuildError: A directory cannot be read.
    """
    found = (name for name in _below(directory, "") if name.partition("/")[0] not in without)
    try:
        return tuple(sorted(_bounded(directory, found)))
    except OSError as error:
        raise BuildError(f"cannot read {error.filename}: {error.strerror}") from error


def tree_digest(directory: str, files: Sequence[str]) -> str:
    """Give a digest of the names, kinds and contents of *files*; times have no say.

    Raises:
        BuildError: One cannot be read.
    """
    whole = hashlib.sha256()
    for name in files:
        path = os.path.join(directory, name)
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                said = f"link {os.readlink(path)}"
            else:
                with open(path, "rb") as file:
                    said = f"{mode & stat.S_IXUSR:o} {hashlib.file_digest(file, 'sha256').hexdigest()}"
        except OSError as error:
            raise BuildError(f"cannot read {error.filename}: {error.strerror}") from error
        whole.update(f"{name}\0{said}\0".encode(errors="surrogateescape"))
    return whole.hexdigest()


def copy_tree(directory: str, files: Sequence[str], target: str) -> None:
    """Copy *files* to *target*, which is made; all have the same time, so that none is older than another.

    Raises:
        BuildError: One cannot be copied.
    """
    try:
        os.makedirs(target)
        for name in files:
            path, copy = os.path.join(directory, name), os.path.join(target, name)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            if os.path.islink(path):
                os.symlink(os.readlink(path), copy)
                continue
            shutil.copyfile(path, copy)
            os.chmod(copy, 0o755 if os.stat(path).st_mode & stat.S_IXUSR else 0o644)
            os.utime(copy, (_TIME, _TIME))
    except OSError as error:
        raise BuildError(f"cannot copy {error.filename}: {error.strerror}") from error


def _of_git(directory: str, environ: Mapping[str, str]) -> list[str] | None:
    """Ask git which files are source; None where it does not know."""
    git = find_executable("git", environ.get("PATH", os.defpath))
    if git is None or find_repository(directory) is None:
        return None
    command = (git, "-C", directory, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    outcome = run(command, {**environ, "GIT_OPTIONAL_LOCKS": "0"})
    if outcome.exit_code != 0:
        return None
    return [os.fsdecode(name) for name in dict.fromkeys(outcome.stdout.split(b"\0")) if name]


def _expanded(directory: str, names: Sequence[str]) -> Iterator[str]:
    """Give files that are there; git names a submodule as a directory, and what was deleted too."""
    for name in names:
        path = os.path.join(directory, name)
        if os.path.isdir(path) and not os.path.islink(path):
            yield from _below(directory, name)
        elif os.path.lexists(path):
            yield name


def _below(directory: str, start: str) -> Iterator[str]:
    with os.scandir(os.path.join(directory, start)) as entries:
        listed = list(entries)
    if start and any(entry.name == _MARK for entry in listed):
        return
    for entry in listed:
        name = os.path.join(start, entry.name)
        if entry.is_dir(follow_symlinks=False):
            if entry.name != ".git":
                yield from _below(directory, name)
        elif entry.name != ".git" and (entry.is_symlink() or entry.is_file()):
            yield name


def _bounded(directory: str, names: Iterator[str]) -> Iterator[str]:
    total = 0
    for count, name in enumerate(names):
        total += os.lstat(os.path.join(directory, name)).st_size
        if count >= _FILE_LIMIT or total > _SIZE_LIMIT:
            raise UsageError(
                f"{directory} has more than {_FILE_LIMIT} files or {_SIZE_LIMIT >> 30} GiB in it",
                hint="name the directory of the program's source; in a git work tree, what git ignores does not count",
            )
        yield name
