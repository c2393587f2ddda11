"""A project as values: its programs, what each is made of, and what it can stand on."""

from dataclasses import dataclass
from enum import StrEnum

from smidgen.needs.need import NeedKind
from smidgen.project.drivers import Driver
from smidgen.project.scan import Scanned


class Base(StrEnum):
    """What a program can stand on."""

    SCRATCH = "scratch"
    STATIC = "static"
    C = "libc"
    CXX = "libc++"
    FULL = "full"


#: Image of each base, as a Dockerfile and smidgen.yaml name it.
IMAGES = {
    Base.SCRATCH: "scratch",
    Base.STATIC: "gcr.io/distroless/static-debian12:nonroot",
    Base.C: "gcr.io/distroless/base-debian12:nonroot",
    Base.CXX: "gcr.io/distroless/cc-debian12:nonroot",
    Base.FULL: "debian:bookworm-slim",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A main package.

    Attributes:
        name: What its executable is called.
        directory: Relative to the project, such as ``./cmd/web`` or ``.``.
        import_path: Of the package.
        base: What it can stand on.
        why: Why it is that base; one sentence each.
        drivers: What it talks to, with what that needs.
        cgo: Packages with C in them that it is not known to do without.
        needs: What it looks for at run time, read from its executable; empty where that was not made.
        embedded: How many files are in the executable.
        scanned: What its sources say.
        grpc_health: It serves gRPC's health protocol.
    """

    name: str
    directory: str
    import_path: str
    base: Base
    why: tuple[str, ...]
    drivers: tuple[Driver, ...]
    cgo: tuple[str, ...]
    needs: tuple[NeedKind, ...]
    embedded: int
    scanned: Scanned
    grpc_health: bool

    @property
    def component(self) -> str:
        """Its name as a part of an image's name, a stage and a service can be called."""
        kept = "".join(one if one.isascii() and one.isalnum() else "-" for one in self.name.lower())
        return "-".join(part for part in kept.split("-") if part) or "program"

    @property
    def uses_cgo(self) -> bool:
        """Whether it is built with cgo."""
        return self.base not in {Base.SCRATCH, Base.STATIC}

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers that it talks to, each once."""
        return tuple(dict.fromkeys(driver.server for driver in self.drivers if driver.server))

    @property
    def health(self) -> str:
        """The address at which a probe asks it whether it is well; empty where it listens on nothing."""
        ports = tuple(self.scanned.ports)
        if not ports:
            return ""
        if self.grpc_health and not self.scanned.health:
            return f"grpc://:{ports[0]}"
        return f"http://:{ports[0]}{self.scanned.health}" if self.scanned.health else f"tcp://:{ports[0]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A directory with Go programs.

    Attributes:
        name: Of the directory's module, its last element.
        release: The Go release to build it with, such as ``1.24``.
        programs: Sorted by directory.
        downloads: Files that ``go mod download`` needs; empty where it can do nothing of use.
        embedded: Names of files that are put into executables, relative to the project.
    """

    name: str
    release: str
    programs: tuple[Program, ...]
    downloads: tuple[str, ...]
    embedded: tuple[str, ...]
