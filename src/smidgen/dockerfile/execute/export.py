"""The files of an image outside of images: in a directory, or as one tar."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from smidgen.dockerfile.execute.placing import existing_directory
from smidgen.errors import UsageError
from smidgen.layer.entry import Entry
from smidgen.layer.merged import Merged, Node
from smidgen.layer.snapshot import EntryMaker, Times
from smidgen.layer.tar_writer import tar_chunks
from smidgen.layer.unpack import unpack_entries
from smidgen.store.faults import ELSEWHERE, reporting

_CHUNK = 1 << 20


def file_entries(view: Merged, times: Times) -> Iterator[Entry]:
    """Give all files of *view*, sorted by path, parents first."""
    maker = EntryMaker(times)
    waiting: list[Node] = [node for node in (view.root,) if node is not None]
    while waiting:
        node = waiting.pop()
        if node.is_directory:
            if node.path:
                yield existing_directory(node)
            waiting += reversed(list(view.children(node)))
            continue
        entry = maker.entry(node.status, node.source, node.path)
        if entry is not None:
            yield entry


def export_directory(view: Merged, directory: Path, times: Times) -> None:
    """Write all files of *view* into *directory*, which may have others; all belong to this process's user.

    Raises:
        UsageError: It is no directory.
        StoreError: It cannot be written.
    """
    with reporting("write", directory, instead=ELSEWHERE):
        directory.mkdir(parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise UsageError(f"{directory} cannot be written")
        unpack_entries(file_entries(view, times), directory, preserve_owners=False)


def export_tar(view: Merged, file: BinaryIO, times: Times) -> None:
    """Write all files of *view* to *file* as one tar, with their owners."""
    file.writelines(tar_chunks(file_entries(view, times), _CHUNK))
