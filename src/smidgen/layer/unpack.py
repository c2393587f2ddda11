"""Apply one layer onto a directory, as the layer below it left it: whiteouts, replacements, links, owners, times.

The archive is not trusted. Everything is done below an open root directory, one component at a time and never
through a symlink of the host (see ``root_walk``), so that nothing outside the root is read, written or removed.

Source: OCI image-spec v1.1.1, ``layer.md`` ("Applying Changesets", "Whiteouts").
"""

import errno
import io
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from smidgen.errors import InvalidArchive, SourceChanged, UsageError
from smidgen.layer.entry import Entry, Kind, decode_path, encode_path
from smidgen.layer.root_walk import Place, RootWalk, open_directory
from smidgen.layer.tar_reader import DEFAULT_LIMITS, Limits, Member, read_tar

_T = TypeVar("_T")

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
# What aufs kept beside the files; nothing that an image needs.
_AUFS = ".wh..wh."
_PIECE = 1 << 20
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SECOND = 1_000_000_000
_NOTHING = io.BytesIO()
# What the system says where the archive, not the machine, is at fault.
_ARCHIVE_FAULTS = {
    errno.E2BIG,
    errno.EEXIST,
    errno.EILSEQ,
    errno.EINVAL,
    errno.EISDIR,
    errno.ELOOP,
    errno.EMLINK,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ENOTEMPTY,
    errno.ERANGE,
}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What unpacking did not do.

    Attributes:
        skipped: Paths of devices that were left out.
    """

    skipped: tuple[str, ...]


def unpack(stream: BinaryIO, root: Path, *, preserve_owners: bool, limits: Limits = DEFAULT_LIMITS) -> Unpacked:
    """Apply the uncompressed tar *stream* onto the directory *root*.

    A symlink that stands where a directory of the layer's paths should be is followed within *root*, as a container
    would; a symlink where an entry itself goes is replaced. Modes, set-user-id included, are as in the layer whatever
    the umask; so are modification times, in whole seconds. A directory that the layer only puts something into keeps
    its own. What follows the end of the archive is left unread. Where this raises, *root* is half done.

    Args:
        stream: An uncompressed tar; see ``decompress.decompressed``.
        root: An existing directory, which nobody else writes to meanwhile.
        preserve_owners: Keep user and group ids, capabilities and devices, which needs root. Otherwise everything
            belongs to this process, file capabilities are dropped, and devices are left out.
        limits: What is refused as too much.

    Raises:
        InvalidArchive: It is damaged, or asks for what cannot be (a link to what is not there, a whiteout of '..').
        LimitExceeded: It is more than *limits* allow.
        UsageError: Owners are to be kept, and this process may not.
        OSError: The file system is full, or the like.
    """
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        unpacking = Unpacking(fd, preserve_owners=preserve_owners)
        try:
            for member in read_tar(stream, limits=limits):
                unpacking.apply(member)
            unpacking.finish()
        finally:
            unpacking.close()
        return Unpacked(skipped=tuple(unpacking.skipped))
    finally:
        os.close(fd)


def unpack_entries(entries: Iterable[Entry], root: Path, *, preserve_owners: bool) -> None:
    """Write *entries* with their content into the directory *root*, as ``unpack`` does with an archive.

    Raises:
        SourceChanged: A file is shorter than its entry says, or gone.
        OSError: The file system is full, or the like.
    """
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        unpacking = Unpacking(fd, preserve_owners=preserve_owners)
        try:
            apply_entries(unpacking, entries)
            unpacking.finish()
        finally:
            unpacking.close()
    finally:
        os.close(fd)


def apply_entries(unpacking: "Unpacking", entries: Iterable[Entry]) -> None:
    """Apply *entries*, reading content where each says.

    Raises:
        SourceChanged: A file is shorter than its entry says, or gone.
    """
    for entry in entries:
        if entry.kind is not Kind.FILE:
            unpacking.apply(Member(entry, _NOTHING))
            continue
        with _opened(entry) as content:
            try:
                unpacking.apply(Member(entry, content))
            except InvalidArchive as error:
                got = os.stat(entry.source).st_size if isinstance(entry.source, Path | str) else 0
                if got < entry.size:
                    raise SourceChanged(str(entry.source), want=entry.size, got=got) from error
                raise


def _opened(entry: Entry) -> BinaryIO:
    if isinstance(entry.source, bytes):
        return io.BytesIO(entry.source)
    if entry.source is None:
        return io.BytesIO()
    try:
        return cast("BinaryIO", io.FileIO(entry.source))
    except FileNotFoundError as error:
        raise SourceChanged(str(entry.source), want=entry.size, got=None) from error


@dataclass(frozen=True, slots=True)
class DirectoryEnd:
    """What a directory gets in the end, when nothing is put into it any more."""

    mode: int
    mtime_ns: int


class Unpacking:
    """One layer being applied onto an open directory."""

    def __init__(self, root: int, *, preserve_owners: bool) -> None:
        self.skipped: dict[str, None] = {}
        self._preserve_owners = preserve_owners
        self._user = os.geteuid()
        self._directories: dict[str, DirectoryEnd] = {}
        # Whiteouts hide what is below this layer, never what it brings itself; on an empty root they hide nothing.
        self._has_lower = bool(os.listdir(root))
        self._made: set[str] = set()
        self._something_removed = False
        self._walk = self.walk(root)

    def walk(self, root: int) -> RootWalk:
        """Give the walk that opens its directories."""
        return RootWalk(root, self.opened)

    def apply(self, member: Member) -> None:
        """Apply one member."""
        entry = member.entry
        if self._something_removed:
            self._walk.forget()
            self._something_removed = False
        try:
            if _WHITEOUT not in entry.path or not self._hide(entry.path):
                self._make(entry, member)
        except OSError as error:
            if error.errno not in _ARCHIVE_FAULTS:
                raise
            raise InvalidArchive(os.strerror(error.errno), member=entry.path) from error

    def finish(self) -> None:
        """Give directories their modes and times, deepest first."""
        self._walk.forget()
        for path in sorted(self._directories, reverse=True):
            # One that was replaced or hidden later in the layer needs nothing.
            with suppress(FileNotFoundError, InvalidArchive):
                fd = self._walk.directory(path, create=False, follow=False).fd
                final = self._directories[path]
                os.fchmod(fd, final.mode)
                os.utime(fd, ns=(final.mtime_ns, final.mtime_ns))

    def close(self) -> None:
        """Close every directory."""
        self._walk.forget()

    def opened(self, path: str, status: os.stat_result, made: bool) -> None:  # noqa: FBT001 - OnOpen has it so
        """Note what a directory is like before anything is put into it; see ``OnOpen``."""
        if made:
            self._directories[path] = DirectoryEnd(0o755, 0)
        elif path not in self._directories and self._user in {0, status.st_uid}:
            self._directories[path] = DirectoryEnd(stat.S_IMODE(status.st_mode), status.st_mtime_ns)

    # Whiteouts

    def _hide(self, path: str) -> bool:
        """Apply *path* where it is a whiteout; say whether it was one."""
        parts = path.split("/")
        name = parts.pop()
        if any(part.startswith(_AUFS) for part in parts) or (name.startswith(_AUFS) and name != _OPAQUE):
            return True
        if any(part.startswith(_WHITEOUT) for part in parts):
            raise InvalidArchive("something below a whiteout", member=path)
        if not name.startswith(_WHITEOUT):
            return False
        hidden = name.removeprefix(_WHITEOUT)
        if hidden in {"", ".", ".."}:
            raise InvalidArchive(f"a whiteout of {hidden!r}", member=path)
        if self._has_lower:
            self.hide("/".join(parts), None if name == _OPAQUE else hidden)
        return True

    def hide(self, directory: str, name: str | None) -> None:
        """Hide what the layers below have as *name* in *directory*, or all that they have in it."""
        with suppress(FileNotFoundError):
            place = self._walk.directory(directory, create=False)
            for each in _names(place.fd) if name is None else [name]:
                self._remove(place, each, lower_only=True)

    def _remove(self, place: Place, name: str, *, lower_only: bool) -> None:
        """Remove *name* and all below it; where *lower_only*, not what this layer made."""
        self._something_removed = True
        raw, path = encode_path(name), place.below(name)
        keep = lower_only and path in self._made
        if not stat.S_ISDIR(os.stat(raw, dir_fd=place.fd, follow_symlinks=False).st_mode):
            if not keep:
                os.unlink(raw, dir_fd=place.fd)
            return
        fd, _ = open_directory(raw, place.fd)
        try:
            for child in _names(fd):
                self._remove(Place(fd, path), child, lower_only=lower_only)
            empty = not keep and not _names(fd)
        finally:
            os.close(fd)
        if empty:
            os.rmdir(raw, dir_fd=place.fd)

    # What an entry makes

    def _make(self, entry: Entry, member: Member) -> None:
        parent, _, name = entry.path.rpartition("/")
        match entry.kind:
            case Kind.FILE:
                self._file(entry, self._walk.directory(parent), name, member)
            case Kind.DIRECTORY:
                self._directory(entry, parent, name)
            case Kind.SYMLINK:
                self._symlink(entry, self._walk.directory(parent), name)
            case Kind.HARDLINK:
                self._hardlink(entry, parent, name)
            case Kind.FIFO:
                self._special(entry, self._walk.directory(parent), name, stat.S_IFIFO)
            case Kind.CHARACTER_DEVICE:
                self._device(entry, parent, name, stat.S_IFCHR)
            case Kind.BLOCK_DEVICE:
                self._device(entry, parent, name, stat.S_IFBLK)

    def _new(self, place: Place, name: str, make: Callable[[bytes], _T]) -> _T:
        """Call *make* with the name, and where that is taken, remove what has it and call it again."""
        raw = encode_path(name)
        if self._has_lower:
            self._made.add(place.below(name))
        try:
            return make(raw)
        except FileExistsError:
            self._remove(place, name, lower_only=False)
            return make(raw)

    def _file(self, entry: Entry, place: Place, name: str, member: Member) -> None:
        # Never into a file that is there: it may have other names.
        fd = self._new(place, name, lambda raw: os.open(raw, _NEW_FILE, 0o600, dir_fd=place.fd))
        try:
            while data := member.read(_PIECE):
                _write(fd, data)
            self._own(fd, entry)
            # After the owner, as changing that takes set-user-id and capabilities away.
            os.fchmod(fd, entry.mode)
            self._set_xattrs(fd, entry)
            os.utime(fd, ns=(entry.mtime * _SECOND, entry.mtime * _SECOND))
        finally:
            os.close(fd)

    def _directory(self, entry: Entry, parent: str, name: str) -> None:
        place = self._walk.directory(parent)
        path = ""
        if name:
            path = place.below(name)
            if self._has_lower:
                self._made.add(path)
            self.make_directory(place, name)
        fd = self._walk.directory(path, follow=False).fd
        self._own(fd, entry)
        self._set_xattrs(fd, entry)
        self._directories[path] = DirectoryEnd(entry.mode, entry.mtime * _SECOND)

    def make_directory(self, place: Place, name: str) -> None:
        """Make a directory, or keep the one that is there; a symlink to one is none."""
        raw = encode_path(name)
        try:
            os.mkdir(raw, 0o700, dir_fd=place.fd)
        except FileExistsError:
            if not stat.S_ISDIR(os.stat(raw, dir_fd=place.fd, follow_symlinks=False).st_mode):
                self._remove(place, name, lower_only=False)
                os.mkdir(raw, 0o700, dir_fd=place.fd)

    def _symlink(self, entry: Entry, place: Place, name: str) -> None:
        self._new(place, name, lambda raw: os.symlink(encode_path(entry.link), raw, dir_fd=place.fd))
        self._own(encode_path(name), entry, place)
        times = (entry.mtime * _SECOND, entry.mtime * _SECOND)
        os.utime(encode_path(name), ns=times, dir_fd=place.fd, follow_symlinks=False)

    def _hardlink(self, entry: Entry, parent: str, name: str) -> None:
        if entry.link in self.skipped:
            self.skipped[entry.path] = None
            return
        target_parent, _, target = entry.link.rpartition("/")
        try:
            source = self._walk.directory(target_parent, create=False)
        except FileNotFoundError:
            raise InvalidArchive(f"hard link to {entry.link!r}, which is not there", member=entry.path) from None
        # Looking for the other directory may close this one.
        fd = os.dup(source.fd)
        try:
            raw = encode_path(target)
            place = self._walk.directory(parent)
            if place.below(name) == source.below(target):
                raise InvalidArchive("hard link to itself", member=entry.path)
            if stat.S_ISDIR(os.stat(raw, dir_fd=fd, follow_symlinks=False).st_mode):
                raise InvalidArchive(f"hard link to the directory {entry.link!r}", member=entry.path)
            self._new(
                place,
                name,
                lambda new: os.link(raw, new, src_dir_fd=fd, dst_dir_fd=place.fd, follow_symlinks=False),
            )
        finally:
            os.close(fd)

    def _device(self, entry: Entry, parent: str, name: str, kind: int) -> None:
        # Device 0:0 is how an overlay says "hidden"; no program opens it.
        if not self._preserve_owners or entry.device == (0, 0):
            self.skipped[entry.path] = None
            return
        try:
            self._special(entry, self._walk.directory(parent), name, kind)
        except PermissionError as error:
            raise _needs_root(f"cannot make the device {entry.path!r}") from error

    def _special(self, entry: Entry, place: Place, name: str, kind: int) -> None:
        self._new(place, name, lambda raw: os.mknod(raw, kind | 0o600, os.makedev(*entry.device), dir_fd=place.fd))
        raw = encode_path(name)
        self._own(raw, entry, place)
        os.chmod(raw, entry.mode, dir_fd=place.fd)
        os.utime(raw, ns=(entry.mtime * _SECOND, entry.mtime * _SECOND), dir_fd=place.fd)

    # What it has beside content

    def _own(self, what: int | bytes, entry: Entry, place: Place | None = None) -> None:
        """Give an open file, or a name in *place*, its owner."""
        if not self._preserve_owners:
            return
        try:
            if isinstance(what, int) or place is None:
                os.chown(what, entry.uid, entry.gid)
            else:
                os.chown(what, entry.uid, entry.gid, dir_fd=place.fd, follow_symlinks=False)
        except PermissionError as error:
            raise _needs_root(f"cannot give {entry.path!r} to user {entry.uid} and group {entry.gid}") from error

    def _set_xattrs(self, fd: int, entry: Entry) -> None:
        for name, value in entry.xattrs:
            if self._is_wanted(name):
                try:
                    os.setxattr(fd, encode_path(name), value)
                except OSError as error:
                    # A file system that has none, such as tmpfs, is no reason to have no files.
                    if error.errno != errno.ENOTSUP:
                        raise

    def _is_wanted(self, attribute: str) -> bool:
        # An overlay's own attributes would let a layer redirect or hide directories of a root that is mounted as one.
        if attribute.startswith("user."):
            return not attribute.startswith("user.overlay.")
        return attribute == "security.capability" and self._preserve_owners


def _needs_root(what: str) -> UsageError:
    return UsageError(f"{what}: not permitted", hint="run as root, or do not keep owners")


def _names(fd: int) -> list[str]:
    # The bytes of the names, whatever the locale.
    return [decode_path(os.fsencode(name)) for name in os.listdir(fd)]


def _write(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]
