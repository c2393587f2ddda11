"""A root directory in which libraries are looked for: this machine's, or a sysroot that no path leaves."""

import os
import posixpath
import stat
from pathlib import Path
from typing import Final

# The kernel's own bound on symbolic links on one way (MAXSYMLINKS).
_MAX_LINKS: Final = 40


class Root:
    """Files below a directory, as a program sees them whose root it is.

    Attributes:
        directory: On this machine, absolute.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        # Without a slash at its end, so that paths can be put behind it.
        self._base = os.path.realpath(directory).rstrip("/")
        self._resolved: dict[str, str | None] = {"/": "/"}

    @property
    def is_host(self) -> bool:
        """It is this machine's own."""
        return not self._base

    def file(self, path: str) -> Path | None:
        """Give where on this machine the regular file at *path* is, or None; links are followed inside the root."""
        found = self._resolve_link("/", path, 0)
        if found is None:
            return None
        here = Path(self._base + found)
        return here if stat.S_ISREG(here.lstat().st_mode) else None

    def names(self, path: str) -> list[str]:
        """Give the sorted names in a directory; none where there is no such directory."""
        found = self._resolve_link("/", path, 0)
        try:
            return sorted(os.listdir(f"{self._base}{found}")) if found is not None else []
        except OSError:
            return []

    def inside(self, path: Path) -> str | None:
        """Give the path in the root of a file of this machine, or None where it is outside."""
        real = os.path.realpath(path)
        if self.is_host:
            return real
        return real.removeprefix(self._base) if real.startswith(self._base + "/") else None

    def _resolve(self, path: str, links: int) -> str | None:
        """Give *path*, which has no ``..``, without links; None where there is nothing."""
        if path not in self._resolved:
            self._resolved[path] = self._step(path, links)
        return self._resolved[path]

    def _step(self, path: str, links: int) -> str | None:
        parent, name = posixpath.split(path)
        above = self._resolve(parent, links)
        if above is None:
            return None
        here = posixpath.join(above, name)
        try:
            status = os.lstat(self._base + here)
            if not stat.S_ISLNK(status.st_mode):
                return here
            if links >= _MAX_LINKS:
                return None
            return self._resolve_link(above, os.readlink(self._base + here), links + 1)
        except (OSError, ValueError):
            return None

    def _resolve_link(self, above: str, target: str, links: int) -> str | None:
        """Follow a text from a directory without links, part by part, as ``..`` behind a link is where that leads."""
        here: str | None = "/" if target.startswith("/") else above
        for part in target.split("/"):
            if here is None:
                return None
            if part == "..":
                here = posixpath.dirname(here)
            elif part not in {"", "."}:
                here = self._resolve(posixpath.join(here, part), links)
        return here
