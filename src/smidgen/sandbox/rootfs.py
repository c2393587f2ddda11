"""An image's root file system made ready to run: unpacked into a directory of its own, and removed afterwards.

The copy belongs to one run, so it may be written to, and mount points may be made in it, without the
image being disturbed. Its paths are looked up as a process inside would: no symbolic link leads out.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.errors import SandboxError
from smidgen.image.image import Image
from smidgen.sandbox.cell.linux import O_PATH, open_in_root
from smidgen.sandbox.identity import Identity, Rights

_MAX_TEXT: Final = 1 << 20
_ST_NOEXEC: Final = 8
_PREFIX: Final = "smidgen-run-"
_LOCK: Final = "lock"
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class RootFS:
    """An unpacked image.

    Attributes:
        directory: Of this run; only its owner may enter it.
        path: The root file system, below *directory*.
    """

    directory: Path
    path: Path

    def open(self, path: str, flags: int = O_PATH) -> int:
        """Open *path* as a process inside would; give the descriptor.

        Raises:
            OSError: As the kernel says, ENOENT above all.
        """
        root = os.open(self.path, O_PATH | os.O_DIRECTORY)
        try:
            return open_in_root(root, os.fsencode(path), flags)
        finally:
            os.close(root)

    def stat(self, path: str) -> os.stat_result | None:
        """Look at what *path* leads to, or None where it leads nowhere."""
        try:
            descriptor = self.open(path)
        except OSError:
            return None
        try:
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)

    def read(self, path: str, limit: int = _MAX_TEXT) -> bytes:
        """Read the first *limit* bytes of a regular file; nothing where there is none."""
        status = self.stat(path)
        if status is None or not stat.S_ISREG(status.st_mode):
            return b""
        with os.fdopen(self.open(path, os.O_RDONLY), "rb") as file:
            return file.read(limit)

    def read_text(self, path: str) -> str:
        """Read a small text file; empty where there is none."""
        return self.read(path).decode("utf-8", "replace")

    def resolve(self, path: str) -> str:
        """Give the path that *path* leads to, free of symbolic links.

        Raises:
            OSError: It leads nowhere.
        """
        descriptor = self.open(path)
        try:
            host = os.readlink(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
        inside = os.path.relpath(host, os.path.realpath(self.path))
        return "/" if inside == "." else f"/{inside}"

    def mount_point(self, path: str, *, directory: bool, mode: int = 0o755) -> str:
        """Make sure that *path* exists, as a directory or as a file, and give it free of symbolic links.

        Raises:
            SandboxError: It is the other kind, or a symbolic link that leads nowhere.
        """
        parts = [part for part in path.split("/") if part not in {"", "."}]
        if ".." in parts or not parts:
            raise SandboxError(f"cannot mount on {path!r}: expected an absolute path below / without '..'")
        here = "/"
        for part in parts[:-1]:
            here = self._ensure(here, part, directory=True, mode=0o755)
        return self._ensure(here, parts[-1], directory=directory, mode=mode)

    def _ensure(self, parent: str, name: str, *, directory: bool, mode: int) -> str:
        path = f"{parent.rstrip('/')}/{name}"
        with contextlib.suppress(FileNotFoundError):
            found = self.resolve(path)
            status = self.stat(found)
            if status is None or stat.S_ISDIR(status.st_mode) != directory:
                kinds = ("a file", "a directory") if directory else ("a directory", "a file")
                raise SandboxError(f"cannot mount on {path}: it is {kinds[0]} of the image, expected {kinds[1]}")
            return found
        descriptor = self.open(parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if directory:
                os.mkdir(name, mode, dir_fd=descriptor)
                os.chmod(name, mode, dir_fd=descriptor)
            else:
                os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode & 0o666, dir_fd=descriptor))
        except FileExistsError as error:
            raise SandboxError(f"cannot mount on {path}: it is a symbolic link that leads nowhere") from error
        finally:
            os.close(descriptor)
        return path


@contextlib.contextmanager
def prepared_rootfs(image: Image, identity: Identity) -> Iterator[RootFS]:
    """Unpack *image* for one run or several, and remove everything afterwards.

    Raises:
        SandboxError: There is no place where programs may be executed.
        ContentError: The image is damaged.
    """
    from smidgen.image.unpack import unpack_image  # brings the codecs

    with run_directory(identity) as directory:
        root = directory / "root"
        root.mkdir(mode=0o755)
        root.chmod(0o755)
        unpack_image(image, root, preserve_owners=identity.keeps_owners)
        yield RootFS(directory, root)


@contextlib.contextmanager
def run_directory(identity: Identity) -> Iterator[Path]:
    """Make a directory for one run, and remove it with all that is in it, whoever it belongs to by then."""
    with _undisturbed():
        parent = Path(tempfile.gettempdir())  # asked for the first time, it makes a file to see whether it can
    _sweep(parent, identity)
    # Named before it is made: a signal may end this between any two steps.
    directory = parent / f"{_PREFIX}{secrets.token_hex(8)}"
    try:
        directory.mkdir(mode=0o700)
        with (fresh := directory / "lock.new").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            fresh.rename(directory / _LOCK)  # only now can it be taken for abandoned
            if os.statvfs(directory).f_flag & _ST_NOEXEC:
                raise SandboxError(
                    f"{directory.parent} is mounted noexec, so no program can be started from there",
                    hint="set TMPDIR to a directory where programs may be executed",
                )
            yield directory
    finally:
        with _undisturbed():
            remove_directory(directory, identity)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let this thread's signals wait: what is half removed would never be swept, as its lock may be gone."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _sweep(parent: Path, identity: Identity) -> None:
    """Remove what a run left whose processes were all killed at once, so that none could clean up."""
    with os.scandir(parent) as entries:
        stale = [Path(one.path) for one in entries if one.name.startswith(_PREFIX) and _is_abandoned(one)]
    for directory in stale:
        remove_directory(directory, identity)


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    """Tell whether a directory is ours, and its lock is held by nobody."""
    try:
        if not entry.is_dir(follow_symlinks=False) or entry.stat(follow_symlinks=False).st_uid != os.geteuid():
            return False
        # One that is being made has no lock yet; nor has one that is being removed.
        lock = os.open(os.path.join(entry.path, _LOCK), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def remove_directory(directory: Path, identity: Identity) -> None:
    """Remove *directory*, even where files in it belong to subordinate ids."""
    shutil.rmtree(directory, ignore_errors=True)
    if not directory.exists():
        return
    if identity.rights is Rights.MAPPED:
        from smidgen.sandbox.session import remove_inside  # it needs this module's neighbours

        remove_inside(directory, identity)
    if directory.exists():
        _open_up(directory)
        shutil.rmtree(directory, ignore_errors=True)


def write_owners(image: Image, directory: Path) -> Path:
    """Write down who owns what in *image*, for a cell to apply where unpacking could not.

    Only what does not belong to 0:0 is written: everything else already does, seen from inside.
    """
    import json

    from smidgen.layer.entry import Kind
    from smidgen.layer.tar_reader import read_tar

    rows: dict[str, tuple[str, int, int, int]] = {}
    for layer in image.layers:
        with image.open_layer(layer) as stream:
            for member in read_tar(stream):
                entry = member.entry
                rows.pop(entry.path, None)
                if entry.uid or entry.gid:
                    mode = -1 if entry.kind is Kind.SYMLINK else entry.mode
                    rows[entry.path] = (entry.path, entry.uid, entry.gid, mode)
    path = directory / "owners.json"
    path.write_text(json.dumps(list(rows.values())), encoding="utf-8", errors="surrogateescape")
    return path


def _open_up(directory: Path) -> None:
    """Give this process the right to empty directories that an image made unreadable."""
    for parent, names, _ in os.walk(directory):
        for name in names:
            with contextlib.suppress(OSError):
                path = os.path.join(parent, name)
                if not os.path.islink(path):
                    os.chmod(path, stat.S_IRWXU)
