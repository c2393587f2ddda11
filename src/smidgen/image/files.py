"""Files of this machine as entries of a layer: ``--add`` and ``kodata``.

What the host adds by chance (owners, times, umask, the order of a directory) never reaches an entry.
"""

import glob
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from smidgen.errors import UsageError
from smidgen.layer.entry import Entry

_MAX_ENTRIES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """What every added file is given.

    Attributes:
        mode: Permission bits of files, or None to keep whether a file can be executed: 0755, else 0644.
        uid: Owner.
        gid: Group.
    """

    mode: int | None = None
    uid: int = 0
    gid: int = 0


def added_entries(source: str, destination: str, *, directory: Path, ownership: Ownership) -> tuple[Entry, ...]:
    """Give the entries that ``--add SOURCE:DESTINATION`` means, in the order of their paths.

    A file becomes *destination*, or goes into it where it ends in ``/``. A directory's content goes into
    *destination*. A pattern (``* ? [ ] **``) that names several sources needs a *destination* that ends in ``/``.
    Symbolic links inside a directory are kept as they are; the source itself is followed.

    Args:
        source: Relative to *directory*, or absolute.
        destination: A path of the image.
        directory: What a relative source is relative to.
        ownership: Mode and owner.

    Raises:
        UsageError: Nothing matches, or the destination cannot take what matches.
    """
    inside = _image_path(destination)
    found = _matches(source, directory)
    into = destination.endswith("/")
    if len(found) > 1 and not into:
        raise UsageError(
            f"{source!r} matches {len(found)} files, but {destination!r} is one",
            hint=f"end the destination in a slash: {source}:{destination}/",
        )
    entries: dict[str, Entry] = {}
    for path in found:
        keeps_name = into and (not path.is_dir() or len(found) > 1)
        at = f"{inside}/{path.name}".strip("/") if keeps_name else inside
        if path.is_dir():
            for entry in tree_entries(path, at, ownership=ownership):
                entries[entry.path] = entry
        elif not at:
            raise UsageError(
                f"{source!r} is a file and {destination!r} is the root", hint=f"write {source}:/{path.name}"
            )
        else:
            entries[at] = _file(path, at, ownership)
    return tuple(entries[path] for path in sorted(entries))


def tree_entries(root: Path, inside: str, *, ownership: Ownership, follow_links: bool = False) -> Iterator[Entry]:
    """Give the content of *root* as entries under *inside*, in the order of their paths.

    A directory has an entry of its own only where it says something that its files do not: it is
    empty, or it belongs to somebody.

    Args:
        root: A directory.
        inside: Where it goes, relative to the image's root, "" for the root itself.
        ownership: Mode and owner.
        follow_links: Put what links point to in their place, as ko does with ``kodata``.

    Raises:
        UsageError: Something that is neither file, directory nor link; a link loop; too many entries.
    """
    entries = _walk(root, inside, ownership, follow_links=follow_links, above=())
    for count, entry in enumerate(entries):
        if count >= _MAX_ENTRIES:
            raise UsageError(f"{root} has more than {_MAX_ENTRIES} files", hint="add a directory below it")
        yield entry


def _walk(
    root: Path, inside: str, ownership: Ownership, *, follow_links: bool, above: tuple[tuple[int, int], ...]
) -> Iterator[Entry]:
    status = root.stat()
    here = (status.st_dev, status.st_ino)
    if here in above:
        raise UsageError(
            f"{root} is a link to a directory that holds it", hint="remove the link, or add the files alone"
        )
    names = sorted(os.listdir(root))
    if inside and (not names or (ownership.uid, ownership.gid) != (0, 0)):
        yield Entry.directory(inside, uid=ownership.uid, gid=ownership.gid)
    for name in names:
        path, at = root / name, f"{inside}/{name}" if inside else name
        kind = (path.stat() if follow_links else path.lstat()).st_mode
        if stat.S_ISDIR(kind):
            yield from _walk(path, at, ownership, follow_links=follow_links, above=(*above, here))
        elif stat.S_ISLNK(kind):
            yield Entry.symlink(at, str(path.readlink()), uid=ownership.uid, gid=ownership.gid)
        else:
            yield _file(path, at, ownership)


def _file(path: Path, at: str, ownership: Ownership) -> Entry:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path} is neither a file, a directory nor a link", hint="leave it out of what is added")
    mode = ownership.mode
    if mode is None:
        # Only the owner's x counts: group and others follow the umask of whoever checked the file out.
        mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
    return replace(Entry.file(at, path, mode=mode), uid=ownership.uid, gid=ownership.gid)


def _matches(source: str, directory: Path) -> list[Path]:
    whole = directory / source
    if whole.exists() or not glob.has_magic(source):
        if not whole.exists():
            raise UsageError(f"nothing at {whole} to add", hint="the source is relative to smidgen.yaml, or to here")
        return [whole]
    found = sorted(glob.glob(str(whole), recursive=True, include_hidden=False))
    if not found:
        raise UsageError(f"{source!r} matches nothing in {directory}")
    return [Path(path) for path in found]


def _image_path(destination: str) -> str:
    parts = [part for part in destination.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise UsageError(
            f"destination {destination!r} leaves the image's root", hint="write an absolute path without .."
        )
    return "/".join(parts)
