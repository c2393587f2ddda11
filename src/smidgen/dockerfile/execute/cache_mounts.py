"""Directories that commands keep from one build to the next: ``RUN --mount=type=cache``."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.dockerfile.execute.keys import key
from smidgen.dockerfile.execute.placing import copy_tree
from smidgen.dockerfile.execute.sources import Tree
from smidgen.dockerfile.mounts import CacheMount
from smidgen.errors import UsageError
from smidgen.layer.merged import Merged
from smidgen.sandbox.stop import Stop, Stopped
from smidgen.store.locks import locked, try_lock
from smidgen.store.snapshots import Snapshots

_MOST_PRIVATE: Final = 64
_POLL: Final = 0.05

Fill = Callable[[], Merged]
Restore = Callable[[str, Path], bool]


@dataclass(frozen=True, slots=True)
class CacheMounts:
    """The kept directories of one store.

    Attributes:
        snapshots: Where they are.
        stop: Ends waiting.
        scope: What else their names depend on.
        restore: Fills one that is empty, by its id, and tells whether it did; None where nothing can.
    """

    snapshots: Snapshots
    stop: Stop
    scope: str = ""
    restore: Restore | None = None

    def directory(self, mount_id: str) -> Path | None:
        """Give the directory of a mount that is there already, the first one of private ones."""
        content = self.snapshots.mount(key("cache mount", self.scope, mount_id)) / "content"
        return content if content.is_dir() else None

    @contextlib.contextmanager
    def use(self, mount: CacheMount, fill: Fill | None) -> Iterator[Path]:
        """Give the directory of *mount* for one command.

        Args:
            mount: What the command asks for.
            fill: Gives what it has at first, or None for nothing.
        """
        name = key("cache mount", self.scope, mount.id)
        if mount.sharing == "private":
            with self._private(name) as free:
                yield self._directory(free, mount, fill)
            return
        if mount.sharing == "locked":
            with self._alone(name):
                yield self._directory(name, mount, fill)
            return
        yield self._directory(name, mount, fill)

    @contextlib.contextmanager
    def _private(self, name: str) -> Iterator[str]:
        """Find one that nobody uses."""
        for number in range(_MOST_PRIVATE):
            candidate = f"{name}-{number}" if number else name
            lock = os.open(self._lock(candidate), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if try_lock(lock):
                    yield candidate
                    return
            finally:
                os.close(lock)
        raise UsageError(f"{_MOST_PRIVATE} commands use the same private cache mount at once")

    @contextlib.contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """Wait until nobody else uses it, or until the build is to end."""
        lock = os.open(self._lock(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not try_lock(lock):
                if self.stop.is_set:
                    raise Stopped
                time.sleep(_POLL)
            yield
        finally:
            os.close(lock)

    def _lock(self, name: str) -> Path:
        directory = self.snapshots.mount(name)
        return directory / "lock"

    def _directory(self, name: str, mount: CacheMount, fill: Fill | None) -> Path:
        directory = self.snapshots.mount(name)
        content = directory / "content"
        with locked(directory / "making"):
            is_there = content.is_dir()
            if is_there and (self.restore is None or os.listdir(content)):
                return content
            fresh = directory / f"fresh-{os.getpid()}"
            fresh.mkdir(exist_ok=True)
            is_restored = self._restored(mount, fresh)
            if is_there:
                # Other commands may have it mounted, so it stays the directory that it is.
                for one in os.listdir(fresh):
                    (fresh / one).rename(content / one)
                fresh.rmdir()
                return content
            if fill is not None and not is_restored:
                copy_tree(Tree(fill()), mount.source, fresh)
            os.chown(fresh, mount.uid, mount.gid)
            fresh.chmod(mount.mode)
            fresh.rename(content)
        return content

    def _restored(self, mount: CacheMount, fresh: Path) -> bool:
        """Fill the directory *fresh* from elsewhere; tells whether that was possible."""
        if self.restore is None:
            return False
        if self.restore(mount.id, fresh):
            return True
        # It may have gone wrong half way.
        shutil.rmtree(fresh)
        fresh.mkdir()
        return False
