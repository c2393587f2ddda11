"""Libraries that ``--add`` puts into an image: the program loads them by itself, and what they need goes with them.

They may be hundreds, so each is read and closed again.
"""

import os
import posixpath
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.elf.header import ElfFile
from smidgen.errors import InvalidExecutable, LimitExceeded
from smidgen.needs.closure.opened import Opened, open_object
from smidgen.needs.closure.root import Root

_MAX_LIBRARIES: Final = 5000
_MAGIC: Final = b"\x7fELF"


@dataclass(frozen=True, slots=True)
class Addition:
    """A file that goes into the image.

    Attributes:
        image_path: Where, absolute.
        file: Where it is now.
    """

    image_path: str
    file: Path


@dataclass(frozen=True, slots=True)
class Added:
    """A library among them.

    Attributes:
        image_path: Where it goes, absolute.
        opened: What was read from it.
    """

    image_path: str
    opened: Opened


def read_added(additions: Iterable[Addition], program: Opened) -> tuple[Added, ...]:
    """Read the libraries among what is added that *program* can load; all else is data.

    Raises:
        LimitExceeded: They are too many.
        OSError: A file cannot be read.
    """
    found: list[Added] = []
    for one in additions:
        with one.file.open("rb") as stream:
            if stream.read(len(_MAGIC)) != _MAGIC:
                continue
        path = os.path.realpath(one.file)
        # A damaged one is the program's own affair: it may be a sample, or a model of something.
        with suppress(InvalidExecutable), ExitStack() as stack:
            opened = open_object(Root(Path("/")), path, Path(path), stack)
            if opened.identity == program.identity or not _goes_with(opened.elf, program.elf):
                continue
            if len(found) >= _MAX_LIBRARIES:
                raise LimitExceeded("the number of libraries that are added", limit=_MAX_LIBRARIES)
            found.append(Added(one.image_path, opened.settled()))
    return tuple(found)


def _goes_with(one: ElfFile, program: ElfFile) -> bool:
    if (one.machine, one.bits, one.endian) != (program.machine, program.bits, program.endian):
        return False
    return one.interpreter in {None, program.interpreter}


def is_in_place(one: Added, found: Opened, asking: Opened, asking_at: str) -> bool:
    """Tell whether a loader finds an added library in the image by itself, as it did here.

    Args:
        one: The library.
        found: How it was found here.
        asking: Who needs it.
        asking_at: Where that is in the image, or empty where it is not among what is added.
    """
    if one.image_path == found.path:
        return True
    dynamic = asking.elf.dynamic
    if not asking_at or "ORIGIN" not in f"{dynamic.rpath}{dynamic.runpath}":
        return False
    here = posixpath.relpath(found.path, asking.origin)
    return here == posixpath.relpath(one.image_path, posixpath.dirname(asking_at))
