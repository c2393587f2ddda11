"""Where something is mounted for the time of a command only: places that the image may not have.

They are made in a directory of their own, which is laid over the image's layers, and so never come into what the
command changed: nothing has to be found and removed afterwards, and no directory gets another time.
"""

import os
import posixpath
import stat
from pathlib import Path

from smidgen.errors import InvalidArchive, SandboxError
from smidgen.layer.merged import Merged

#: What a runtime mounts by itself, and makes the places in.
RUNTIME: frozenset[str] = frozenset({"/dev", "/proc", "/sys"})


class MountPoints:
    """Collects the places to mount on."""

    def __init__(self, view: Merged, directory: Path, *, keeps_owners: bool) -> None:
        """Make what *view* lacks in the empty *directory*."""
        self._view = view
        self._directory = directory
        self._keeps_owners = keeps_owners
        self._mounted: set[str] = set(RUNTIME)
        self._made: set[str] = set()

    @property
    def stubs(self) -> frozenset[str]:
        """What was made, in the form of ``Entry.path``."""
        return frozenset(self._made)

    @property
    def is_needed(self) -> bool:
        """Whether anything was made."""
        return bool(self._made)

    def add(self, target: str, *, is_directory: bool) -> str:
        """Make sure that *target* can be mounted on; give it free of symbolic links.

        Raises:
            SandboxError: Something of another kind is there.
        """
        try:
            resolved = self._view.resolve(target)
        except InvalidArchive as error:
            raise SandboxError(f"cannot mount on {target}: {error.reason}") from error
        path = f"/{resolved.path}"
        if path == "/":
            raise SandboxError(f"cannot mount on {target}: it is the root directory")
        if resolved.node is not None and resolved.node.is_directory != is_directory:
            is_there = "a directory" if resolved.node.is_directory else "a file"
            raise SandboxError(f"cannot mount on {target}: the image has {is_there} there")
        below_another = any(path.startswith(f"{one}/") for one in self._mounted)
        self._mounted.add(path)
        if resolved.node is None and not below_another:
            self._make(resolved.path, is_directory=is_directory)
        return path

    def add_own(self) -> None:
        """Make the places of what a runtime mounts by itself."""
        for path in sorted(RUNTIME):
            name = path.lstrip("/")
            node = self._view.find(name) if self._view.layers else None
            if node is None:
                self._make(name, is_directory=True)

    def _make(self, path: str, *, is_directory: bool) -> None:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            self._make_directory("/".join(parts[:depth]))
        if is_directory:
            self._make_directory(path)
        else:
            (self._directory / path).touch(mode=0o644)
            self._made.add(path)

    def _make_directory(self, path: str) -> None:
        place = self._directory / path
        if place.is_dir():
            return
        place.mkdir(mode=0o755)
        place.chmod(0o755)
        node = self._view.find(path) if self._view.layers else None
        if node is None:
            self._made.add(path)
            return
        # This hides the directory of the image, so it has to be like that.
        if self._keeps_owners:
            os.chown(place, node.status.st_uid, node.status.st_gid)
        place.chmod(stat.S_IMODE(node.status.st_mode))
        os.utime(place, ns=(node.status.st_mtime_ns, node.status.st_mtime_ns))


def is_below(path: str, directory: str) -> bool:
    """Tell whether *path* is *directory* or in it."""
    return posixpath.commonpath([path, directory]) == directory
