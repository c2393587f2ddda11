"""Entries: one file, directory, link or device of a layer, as a value.

Source: OCI image-spec v1.1.1, ``layer.md`` ("File Types", "File Attributes"); POSIX.1-2017 ``pax``.
"""

import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from smidgen.errors import InvalidArchive, UsageError

# Linux's own bound on a path handed to the kernel (PATH_MAX, terminating NUL included).
MAX_PATH = 4096


class Kind(StrEnum):
    """What an entry is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    CHARACTER_DEVICE = "character device"
    BLOCK_DEVICE = "block device"
    FIFO = "fifo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One member of a layer.

    Attributes:
        path: Relative, '/'-separated, without empty, '.' or '..' components. ``""`` is the root directory
            itself, so only a DIRECTORY may have it. Bytes that are not UTF-8 are held as surrogate escapes.
        kind: What it is.
        mode: The twelve permission bits, set-user-id and the like included.
        uid: Owner, a number; names are never stored.
        gid: Group, a number.
        mtime: Whole seconds since 1970.
        link: Target of a SYMLINK (any text) or of a HARDLINK (a path as above); otherwise empty.
        size: Bytes of a FILE's content; 0 for everything else.
        source: A FILE's content, or the path where it is read at pack time (of many files a text, as a Path costs as
            much as packing a small file). None where the content is elsewhere,
            as for an entry that was read from an archive.
        xattrs: Extended attributes, sorted by name.
        device: Major and minor number of a device.
    """

    path: str
    kind: Kind
    mode: int
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    link: str = ""
    size: int = 0
    source: bytes | Path | str | None = None
    xattrs: tuple[tuple[str, bytes], ...] = ()
    device: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        check_path(self.path, root_allowed=self.kind is Kind.DIRECTORY)
        if not 0 <= self.mode <= 0o7777:
            raise InvalidArchive(f"mode {self.mode:#o} is not within 0 and 0o7777", member=self.path)
        if self.uid < 0 or self.gid < 0 or self.size < 0 or min(self.device) < 0:
            raise InvalidArchive("owner, size and device numbers cannot be negative", member=self.path)
        if self.size and self.kind is not Kind.FILE:
            raise InvalidArchive(f"a {self.kind} has {self.size} bytes of content, expected none", member=self.path)
        if self.link or self.kind is not Kind.FILE:
            self._check_link()
        for name, _ in self.xattrs:
            if not name or "=" in name or "\0" in name:
                raise InvalidArchive(f"extended attribute name {name!r} is empty or has '=' or NUL", member=self.path)

    def _check_link(self) -> None:
        if self.kind is Kind.HARDLINK:
            check_path(self.link)
        elif self.kind is not Kind.SYMLINK:
            if self.link:
                raise InvalidArchive(f"a {self.kind} has a link target", member=self.path)
        elif not self.link or "\0" in self.link or len(encode_path(self.link)) >= MAX_PATH:
            raise InvalidArchive(
                f"symlink target must have 1 to {MAX_PATH - 1} bytes and no NUL, got {self.link[:80]!r}",
                member=self.path,
            )

    def at(self, mtime: int) -> "Entry":
        """Give this entry with another time; ``dataclasses.replace`` takes twice as long, and layers are large."""
        return Entry(
            path=self.path,
            kind=self.kind,
            mode=self.mode,
            uid=self.uid,
            gid=self.gid,
            mtime=mtime,
            link=self.link,
            size=self.size,
            source=self.source,
            xattrs=self.xattrs,
            device=self.device,
        )

    @classmethod
    def file(
        cls,
        path: str,
        source: bytes | Path,
        *,
        mode: int = 0o644,
        uid: int = 0,
        gid: int = 0,
        mtime: int = 0,
        xattrs: tuple[tuple[str, bytes], ...] = (),
    ) -> Self:
        """Make a FILE of *source*: the content itself, or a regular file (links followed) to read at pack time.

        Only the size is taken from a source file: its mode, owner and time are the host's affair.

        Raises:
            UsageError: The source is no regular file.
            OSError: The source cannot be looked at.
        """
        if isinstance(source, bytes):
            size = len(source)
        else:
            status = source.stat()
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"{source} is not a regular file", hint="give the files themselves, one by one")
            size = status.st_size
        return cls(
            path=path,
            kind=Kind.FILE,
            mode=mode,
            uid=uid,
            gid=gid,
            mtime=mtime,
            size=size,
            source=source,
            xattrs=tuple(sorted(xattrs)),
        )

    @classmethod
    def directory(cls, path: str, *, mode: int = 0o755, uid: int = 0, gid: int = 0, mtime: int = 0) -> Self:
        """Make a DIRECTORY."""
        return cls(path=path, kind=Kind.DIRECTORY, mode=mode, uid=uid, gid=gid, mtime=mtime)

    @classmethod
    def symlink(cls, path: str, link: str, *, uid: int = 0, gid: int = 0, mtime: int = 0) -> Self:
        """Make a SYMLINK at *path* that points to *link*."""
        return cls(path=path, kind=Kind.SYMLINK, mode=0o777, uid=uid, gid=gid, mtime=mtime, link=link)


def encode_path(path: str) -> bytes:
    """Give the bytes of a path, link target or attribute name: UTF-8 whatever this process's locale."""
    return path.encode("utf-8", "surrogateescape")


def decode_path(path: bytes) -> str:
    """Give the text of a path; :func:`encode_path` undoes it whatever the bytes are."""
    return path.decode("utf-8", "surrogateescape")


def check_path(path: str, *, root_allowed: bool = False) -> None:
    """Check that *path* is in the form of :attr:`Entry.path`.

    Raises:
        InvalidArchive: It is not.
    """
    if not path:
        if root_allowed:
            return
        raise InvalidArchive("empty path; only a directory can be the root itself", member=path)
    if "\0" in path:
        raise InvalidArchive("path has a NUL", member=path)
    if len(path) * 3 >= MAX_PATH and len(encode_path(path)) >= MAX_PATH:
        raise InvalidArchive(f"path is longer than {MAX_PATH - 1} bytes", member=path[:80] + "…")
    framed = f"/{path}/"
    if "//" in framed or "/./" in framed or "/../" in framed:
        raise InvalidArchive(
            "path must be relative, without empty, '.' or '..' components",
            member=path,
            hint="write it as usr/share/file",
        )
