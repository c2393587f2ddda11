"""Unpacked layers and other directories that builds keep between them, in the store's directory.

::

    snapshots/DOMAIN/ID/fs         one layer, in the form of an overlay's lower directory; never changed
    snapshots/DOMAIN/draft-*/      being made; its ``lock`` is held by whoever makes it
    mounts/DOMAIN/ID/              a directory that commands of builds keep for each other

A domain is a set of rights: who owns a file depends on the user namespace that it was unpacked in, and so does whether
it can be removed. All of this can be made again; what was not used for long is removed by ``collect``, which must
be called with the rights of the domain.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.store.faults import reporting
from smidgen.store.locks import locked, try_lock

_DRAFT: Final = "draft-"
_LOCK: Final = "lock"
_CONTENT: Final = "fs"
_WORK: Final = "work"


@dataclass(slots=True)
class Draft:
    """A directory that may become a snapshot.

    Attributes:
        directory: Removed at the end unless it was kept.
    """

    directory: Path

    @property
    def content(self) -> Path:
        """What becomes the snapshot."""
        return self.directory / _CONTENT

    @property
    def work(self) -> Path:
        """An empty directory of the same file system."""
        return self.directory / _WORK


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The snapshots of one domain.

    Attributes:
        root: The store's directory.
        domain: A name without slashes.
    """

    root: Path
    domain: str

    def find(self, name: str) -> Path | None:
        """Give the content of the snapshot *name*, or None where there is none; it counts as used."""
        directory = self._directory / name
        try:
            os.utime(directory)
        except FileNotFoundError:
            return None
        return directory / _CONTENT

    @contextlib.contextmanager
    def draft(self) -> Iterator[Draft]:
        """Make a directory to be filled; see ``keep``."""
        draft = Draft(self._directory / f"{_DRAFT}{os.getpid()}-{os.urandom(8).hex()}")
        lock = self._start(draft)
        try:
            yield draft
        finally:
            shutil.rmtree(draft.directory, ignore_errors=True)
            os.close(lock)

    def _start(self, draft: Draft) -> int:
        """Make the directory of *draft*; give its lock, which is held while it is open."""
        with reporting("write", draft.directory):
            self._make(self._directory)
            fresh = draft.directory.with_name(f".{draft.directory.name}")
            fresh.mkdir(mode=0o700)
            lock = os.open(fresh / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Under this name it can be taken for abandoned, so the lock comes before.
            fresh.rename(draft.directory)
            for directory in (draft.content, draft.work):
                directory.mkdir(mode=0o755)
                directory.chmod(0o755)
        return lock

    def keep(self, draft: Draft, name: str) -> Path:
        """Make *draft* the snapshot *name*, if there is none yet; give its content."""
        target = self._directory / name
        with reporting("write", target):
            shutil.rmtree(draft.work, ignore_errors=True)
            fresh = draft.directory / name
            fresh.mkdir(mode=0o700)
            draft.content.rename(fresh / _CONTENT)
            with contextlib.suppress(OSError):  # somebody else was faster
                fresh.rename(target)
        found = self.find(name)
        if found is None:
            raise FileNotFoundError(target)
        return found

    @contextlib.contextmanager
    def making(self, name: str) -> Iterator[None]:
        """Wait until nobody else makes the snapshot *name*, and keep others from it."""
        self._make(self._directory)
        path = self._directory / f".making-{name}"
        with locked(path):
            yield
            # Who waits for it has it open, finds the snapshot, and needs no lock any more.
            with contextlib.suppress(OSError):
                path.unlink()

    def mount(self, name: str) -> Path:
        """Give the kept directory *name*, made where there is none."""
        directory = self.root / "mounts" / self.domain / name
        with reporting("write", directory):
            self._make(directory.parent)
            directory.mkdir(mode=0o755, exist_ok=True)
            os.utime(directory)
        return directory

    def sweep(self) -> None:
        """Remove drafts whose makers are dead."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self._directory) as entries:
            for path in [Path(entry.path) for entry in entries if entry.name.startswith((_DRAFT, f".{_DRAFT}"))]:
                _remove_if_abandoned(path)

    def collect(self, *, unused_for: float) -> int:
        """Remove what was not used for *unused_for* seconds; hold the store's lease. Gives how many."""
        self.sweep()
        oldest, count = time.time() - unused_for, 0
        for parent in (self._directory, self.root / "mounts" / self.domain):
            with contextlib.suppress(FileNotFoundError), os.scandir(parent) as entries:
                for entry in entries:
                    if not entry.name.startswith((_DRAFT, ".")) and entry.stat().st_mtime <= oldest:
                        shutil.rmtree(entry.path, ignore_errors=True)
                        count += 1
        return count

    @property
    def _directory(self) -> Path:
        return self.root / "snapshots" / self.domain

    def _make(self, directory: Path) -> None:
        """Make directories that nobody else may enter: images bring set-user-id programs."""
        for path in (directory.parent, directory):
            if not path.is_dir():
                with contextlib.suppress(FileExistsError):
                    path.mkdir(mode=0o700)


@dataclass(frozen=True, slots=True)
class Domain:
    """The rights of this process.

    Attributes:
        name: ``root``, or what tells its user namespace from others.
        has_many_ids: It can give files to others.
    """

    name: str
    has_many_ids: bool


def own_domain() -> Domain:
    """Tell with which rights this process makes files."""
    with open("/proc/self/uid_map", "rb") as uids, open("/proc/self/gid_map", "rb") as gids:
        maps = uids.read().split(), gids.read().split()
    if maps == ([b"0", b"0", b"4294967295"],) * 2:
        is_root = os.geteuid() == 0
        return Domain("root" if is_root else f"user-{os.geteuid()}", is_root)
    return Domain(hashlib.sha256(repr(maps).encode()).hexdigest()[:16], sum(map(int, maps[0][2::3])) > 1)


def _remove_if_abandoned(path: Path) -> None:
    is_begun = path.name.startswith(".")
    if is_begun and not _is_old(path):
        # It gets its other name in a moment; until then its lock may be there and not be held yet.
        return
    try:
        lock = os.open(path / _LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        if is_begun:
            shutil.rmtree(path, ignore_errors=True)
        return
    try:
        if try_lock(lock):
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(lock)


def _is_old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - 60
    except OSError:
        return False
