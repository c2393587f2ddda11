"""Artifacts: files from the image of a step into the working directory, from where later steps take them.

Source: Habitus 1.0 (``build/builder.go``, ``copyToHost`` and ``collectHostArtifactRoots``).
"""

import os
import posixpath
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from smidgen.errors import InvalidArchive
from smidgen.flow.build_file import Artifact, Flow, below
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.merged import Merged, Node
from smidgen.layer.snapshot import EntryMaker, Times
from smidgen.layer.unpack import unpack_entries
from smidgen.store.faults import ELSEWHERE, reporting

_PERMISSIONS = 0o777


@dataclass(frozen=True, slots=True)
class Placed:
    """An artifact that is there.

    Attributes:
        path: Relative to the working directory.
        size: Bytes of its files.
    """

    path: str
    size: int


def place(flow: Flow, artifact: Artifact, view: Merged, directory: Path) -> Placed:
    """Write *artifact*, of the files *view*, below *directory*.

    Modes are kept, but no file gets the rights of another user; owners are not kept.

    Raises:
        ConfigError: It is not there, is neither file nor directory, or would go elsewhere; shows where it stands.
        StoreError: It cannot be written.
    """
    try:
        node = view.resolve(artifact.source).node
    except InvalidArchive as error:
        raise flow.error(f"{artifact.source}: {error.message}", artifact.mark) from error
    if node is None:
        raise flow.error(
            f"the image has no {artifact.source}", artifact.mark, hint="artifacts are absolute paths in the image"
        )
    parent = below(directory, artifact.directory)
    if parent is None:
        raise flow.error(
            f"{artifact.directory} leads out of the working directory", artifact.mark, hint="a symbolic link does that"
        )
    target = parent / posixpath.basename(artifact.target)
    if target.is_symlink() or (target.exists() and target.is_dir() != node.is_directory):
        raise flow.error(f"{artifact.target} is there already, and is something else", artifact.mark)
    prefix = target.relative_to(directory.resolve()).as_posix()
    entries = tuple(_entries(flow, artifact, node, view, prefix))
    with reporting("write", target, instead=ELSEWHERE):
        parent.mkdir(parents=True, exist_ok=True)
        unpack_entries(entries, directory, preserve_owners=False)
    return Placed(artifact.target, sum(entry.size for entry in entries))


def _entries(flow: Flow, artifact: Artifact, top: Node, view: Merged, prefix: str) -> Iterator[Entry]:
    # With times of today, as those of the image say nothing.
    times = Times(fixed=int(time.time()))
    waiting = [(top, prefix)]
    while waiting:
        node, path = waiting.pop()
        # A maker of its own for each: what is one file under two names becomes two.
        entry = EntryMaker(times).entry(node.status, node.source, path)
        if entry is None or entry.kind not in {Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK}:
            raise flow.error(f"/{node.path} is neither a file nor a directory", artifact.mark)
        if entry.kind is Kind.SYMLINK and not _stays(path, entry.link, prefix):
            raise flow.error(
                f"the symbolic link /{node.path} leads out of {artifact.source}, to {entry.link}",
                artifact.mark,
                hint="name what it leads to as an artifact of its own",
            )
        if posixpath.basename(path).startswith(".wh."):
            raise flow.error(f"/{node.path} has a name that no layer can have", artifact.mark)
        yield replace(entry, mode=_mode(entry), uid=0, gid=0, xattrs=())
        if node.is_directory:
            names = reversed(view.names(node))
            children = ((view.child(node, name), f"{path}/{name}") for name in names)
            waiting += [(child, below_) for child, below_ in children if child is not None]


def _mode(entry: Entry) -> int:
    # As Habitus does it: whoever runs the flow can always read, replace and remove it.
    return (entry.mode & _PERMISSIONS) | (stat.S_IRWXU if entry.kind is Kind.DIRECTORY else stat.S_IRUSR | stat.S_IWUSR)


def _stays(path: str, link: str, prefix: str) -> bool:
    if link.startswith("/"):
        return False
    found = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    return found == prefix or found.startswith(f"{prefix}/")


def new_paths(artifacts: Iterable[Artifact], directory: Path) -> tuple[Path, ...]:
    """Give what is not there yet of the paths of *artifacts*: each the topmost that would have to be made."""
    found: dict[Path, None] = {}
    for artifact in artifacts:
        path = directory
        for part in artifact.target.split("/"):
            path /= part
            if not os.path.lexists(path):
                found[path] = None
                break
    return tuple(found)


def remove(paths: Iterable[Path]) -> None:
    """Remove what is there of *paths*; symbolic links are not followed."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
