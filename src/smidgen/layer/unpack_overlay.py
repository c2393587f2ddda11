"""Unpack one layer into a directory of its own, in the form that an overlay has for its lower directories.

What the layers below have is looked up and not copied: whiteouts become what the kernel takes for them, and a
directory that the layer only puts something into gets the owner, mode and time that it has below.

Source: Documentation/filesystems/overlayfs.rst of Linux 6.x ("whiteouts and opaque directories"); OCI image-spec
v1.1.1, ``layer.md`` ("Whiteouts").
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from smidgen.layer.entry import Entry, encode_path
from smidgen.layer.merged import Merged, Node, is_whiteout
from smidgen.layer.root_walk import OnOpen, Place, RootWalk
from smidgen.layer.tar_reader import DEFAULT_LIMITS, Limits, read_tar
from smidgen.layer.unpack import DirectoryEnd, Unpacking, apply_entries


def unpack_overlay(
    stream: BinaryIO,
    root: Path,
    *,
    lower: Merged,
    opaque: str,
    preserve_owners: bool = True,
    limits: Limits = DEFAULT_LIMITS,
) -> None:
    """Unpack the uncompressed tar *stream* into the empty directory *root*, to be laid over *lower*.

    Args:
        stream: An uncompressed tar; what follows the end of the archive is left unread.
        root: Nobody else writes to it meanwhile.
        lower: The layers below.
        opaque: Name of the attribute of opaque directories, as ``merged`` has them.
        preserve_owners: Keep user and group ids, capabilities and devices.
        limits: What is refused as too much.

    Raises:
        InvalidArchive: It is damaged, or asks for what cannot be.
        LimitExceeded: It is more than *limits* allow.
        OSError: The file system is full, or the like.
    """
    with _unpacking(root, lower, opaque, preserve_owners=preserve_owners) as unpacking:
        for member in read_tar(stream, limits=limits):
            unpacking.apply(member)


def fill_overlay(
    entries: Iterable[Entry], root: Path, *, lower: Merged, opaque: str, preserve_owners: bool = True
) -> None:
    """Write *entries* with their content into the empty directory *root*, to be laid over *lower*.

    Args:
        entries: Of one layer, parents first.
        root: As for ``unpack_overlay``, and so are the others.
        lower: The layers below.
        opaque: Name of the attribute of opaque directories.
        preserve_owners: Keep user and group ids, capabilities and devices.

    Raises:
        SourceChanged: A file is shorter than its entry says, or gone.
        OSError: The file system is full, or the like.
    """
    with _unpacking(root, lower, opaque, preserve_owners=preserve_owners) as unpacking:
        apply_entries(unpacking, entries)


@contextmanager
def _unpacking(root: Path, lower: Merged, opaque: str, *, preserve_owners: bool) -> Iterator["_OverlayUnpacking"]:
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        unpacking = _OverlayUnpacking(fd, lower=lower, opaque=opaque, preserve_owners=preserve_owners)
        try:
            unpacking.take_root()
            yield unpacking
            unpacking.finish()
        finally:
            unpacking.close()
    finally:
        os.close(fd)


class _OverlayWalk(RootWalk):
    """Makes the directories that the layers below have, as they have them."""

    def __init__(self, root: int, on_open: OnOpen, lower: Merged, *, preserve_owners: bool) -> None:
        super().__init__(root, on_open)
        self._lower = lower
        self._preserve_owners = preserve_owners

    def make(self, place: Place, name: str, *, create: bool) -> os.stat_result | None:
        found = self._lower.find(place.below(name))
        if found is None:
            return super().make(place, name, create=create)
        if found.is_symlink:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
        if not found.is_directory:
            return super().make(place, name, create=create)
        copy_directory(found, encode_path(name), place.fd, preserve_owners=self._preserve_owners)
        return found.status

    def read_link(self, place: Place, name: str) -> str:
        found = self._lower.find(place.below(name))
        if found is not None and found.is_symlink and not _is_there(place, name):
            return os.readlink(found.source)
        return super().read_link(place, name)


class _OverlayUnpacking(Unpacking):
    def __init__(self, root: int, *, lower: Merged, opaque: str, preserve_owners: bool) -> None:
        self._lower = lower
        self._opaque = opaque
        super().__init__(root, preserve_owners=preserve_owners)
        self._has_lower = bool(lower.layers)
        self._root = root

    def walk(self, root: int) -> RootWalk:
        return _OverlayWalk(root, self.opened, self._lower, preserve_owners=self._preserve_owners)

    def take_root(self) -> None:
        """Give the root directory what it has below: that of the topmost layer is what counts."""
        below = self._lower.root
        if below is not None:
            status = below.status
            if self._preserve_owners:
                os.chown(self._root, status.st_uid, status.st_gid)
            self._directories[""] = DirectoryEnd(stat.S_IMODE(status.st_mode), status.st_mtime_ns)

    def hide(self, directory: str, name: str | None) -> None:
        below = self._lower.resolve(f"{directory}/{name or ''}", follow=name is None).node
        if below is None:
            return
        place = self._walk.directory(directory)
        if name is None:
            self._make_opaque(f"/proc/self/fd/{place.fd}")
            return
        raw = encode_path(name)
        try:
            os.mknod(raw, stat.S_IFCHR, os.makedev(0, 0), dir_fd=place.fd)
        except FileExistsError:
            # The layer brings something in its place, before or behind.
            if stat.S_ISDIR(os.stat(raw, dir_fd=place.fd, follow_symlinks=False).st_mode):
                self._make_opaque(f"/proc/self/fd/{place.fd}/{name}")

    def make_directory(self, place: Place, name: str) -> None:
        replaced = _is_hidden(place, name)
        super().make_directory(place, name)
        if replaced:
            self._make_opaque(f"/proc/self/fd/{place.fd}/{name}")

    def _make_opaque(self, path: str) -> None:
        os.setxattr(os.fsencode(path), self._opaque, b"y")


def copy_directory(found: Node, name: bytes, parent: int, *, preserve_owners: bool) -> None:
    """Make the directory *name* in *parent* with the owner, mode and attributes that *found* has."""
    os.mkdir(name, 0o700, dir_fd=parent)
    path = b"/proc/self/fd/%d/%s" % (parent, name)
    if preserve_owners:
        os.chown(name, found.status.st_uid, found.status.st_gid, dir_fd=parent, follow_symlinks=False)
    os.chmod(name, stat.S_IMODE(found.status.st_mode), dir_fd=parent)
    for attribute in os.listxattr(found.source, follow_symlinks=False):
        if attribute.startswith("user.") and not attribute.startswith("user.overlay."):
            os.setxattr(path, attribute, os.getxattr(found.source, attribute, follow_symlinks=False))
    os.utime(name, ns=(found.status.st_mtime_ns, found.status.st_mtime_ns), dir_fd=parent, follow_symlinks=False)


def _is_there(place: Place, name: str) -> bool:
    try:
        os.stat(encode_path(name), dir_fd=place.fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _is_hidden(place: Place, name: str) -> bool:
    try:
        return is_whiteout(os.stat(encode_path(name), dir_fd=place.fd, follow_symlinks=False))
    except FileNotFoundError:
        return False
