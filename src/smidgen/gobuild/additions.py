"""What ``--add`` puts into an image, as entries, and the program among them."""

import os
import posixpath
from pathlib import Path

from smidgen.config.settings import Settings
from smidgen.image.files import Ownership, added_entries
from smidgen.layer.entry import Entry, Kind


def added_files(settings: Settings) -> dict[str, Entry]:
    """Give the entries of all that is added by their paths, in the order in which it is named.

    Raises:
        UsageError: Nothing matches, or a destination cannot take what matches.
    """
    added: dict[str, Entry] = {}
    for spec in settings.add:
        ownership = Ownership(mode=spec.mode, uid=spec.uid, gid=spec.gid)
        for entry in added_entries(spec.source, spec.destination, directory=spec.root, ownership=ownership):
            added[entry.path] = entry
    return added


def place_of(program: Path, settings: Settings) -> str:
    """Give the path in the image where *program* itself is added, relative to the root; empty where it is not.

    A program with a directory of its own stays in it: it looks beside itself for what it needs.
    """
    for path, entry in added_files(settings).items():
        if entry.kind is Kind.FILE and posixpath.basename(path) == program.name:
            source = entry.source
            if isinstance(source, str | Path) and os.path.samefile(source, program):
                return path
    return ""
