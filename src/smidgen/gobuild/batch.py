"""What is compiled, and what came of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.target import MainPackage
from smidgen.oci.platform import Platform

if TYPE_CHECKING:
    from smidgen.gobuild.cgo.environment import Prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A main package to compile; its options may have templates in them."""

    package: MainPackage
    options: BuildOptions
    platforms: tuple[Platform, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """An executable that was compiled: the file at *path*."""

    path: str
    package: MainPackage
    platform: Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Packages that one ``go`` command compiles: alike in options and root, with names of their own.

    Attributes:
        root: Where ``go`` runs; "" for packages at a version.
        options: Templates expanded, once the command is made.
        graph: The file in which ``go build`` wrote which packages it took; "" where it wrote none.
        c: Which packages have C in them, and what it reads; None without cgo.
    """

    root: str
    version: str
    options: BuildOptions
    platform: Platform
    packages: tuple[MainPackage, ...]
    graph: str = ""
    c: "Prepared | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What a compilation gave.

    Attributes:
        binaries: In the order of the jobs, and of each job's platforms.
        batches: How they were made.
        started_ns: When the first command was started, or somewhat before, in nanoseconds since 1970.
    """

    binaries: tuple[Binary, ...]
    batches: tuple[Batch, ...]
    started_ns: int
