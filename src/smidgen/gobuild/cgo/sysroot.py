"""A directory with headers and libraries for a target, laid out as a distribution does.

Source: Filesystem Hierarchy Standard 3.0; https://wiki.debian.org/Multiarch/Tuples; pkg-config(1).
"""

import os
from dataclasses import dataclass
from typing import Final

from smidgen.errors import UsageError
from smidgen.gobuild.cgo.target import Target

_PREFIXES: Final = ("usr/local", "usr", "")


@dataclass(frozen=True, slots=True)
class Sysroot:
    """Where headers and libraries are.

    Attributes:
        root: The directory, absolute; "" for none.
        headers: Directories for ``#include``, in order; they are there.
        libraries: Directories of libraries, in order; they are there.
        absent: Directories that would have been among them.
    """

    root: str = ""
    headers: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def descriptions(self) -> tuple[str, ...]:
        """Directories of pkg-config's files; they need not be there."""
        shared = (os.path.join(self.root, prefix, "share") for prefix in _PREFIXES[:2])
        return tuple(os.path.join(place, "pkgconfig") for place in (*self.libraries, *shared))


def find_sysroot(root: str, target: Target) -> Sysroot:
    """Look what *root* has for *target*; "" is no directory at all.

    Raises:
        UsageError: It is no directory, or has nothing that could be meant.
    """
    if not root:
        return Sysroot()
    if not os.path.isdir(root):
        raise UsageError(f"--sysroot {root}: there is no such directory")
    headers = [
        os.path.join(root, prefix, "include", *more) for prefix in _PREFIXES for more in ((target.multiarch,), ())
    ]
    libraries = [os.path.join(root, prefix, "lib", *more) for prefix in _PREFIXES for more in ((target.multiarch,), ())]
    places = [*headers, *libraries]
    if not any(map(os.path.isdir, places)):
        raise UsageError(
            f"--sysroot {root}: it has no include and no lib directory",
            hint="expected the root of a system for the target, with usr/include and usr/lib",
        )
    return Sysroot(
        root=root,
        headers=tuple(filter(os.path.isdir, headers)),
        libraries=tuple(filter(os.path.isdir, libraries)),
        absent=tuple(place for place in places if not os.path.isdir(place)),
    )
