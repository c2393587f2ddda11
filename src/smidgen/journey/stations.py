"""The stations of the journey, as Dockerfiles that anybody can build."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.errors import UsageError
from smidgen.gobuild.modfile import read_module_file
from smidgen.gobuild.target import MainPackage

#: What the go command needs to know to find modules. They may hold passwords, so they are given as secrets.
SETTINGS: Final = ("GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE")
_RELEASE: Final = re.compile(r"^(\d+)\.(\d+)")
_OLDEST: Final = "1.21"
#: What COPY would not take as it stands, or RUN would give to the shell.
_STRANGE: Final = re.compile(r"[^A-Za-z0-9_./@+-]")


@dataclass(frozen=True, slots=True)
class Project:
    """Where a main package is, as a build context has it.

    Attributes:
        context: Directory of the go.mod in force, or of the go.work.
        module: Directory of the module, relative to *context*; ``.`` for that itself.
        package: Directory of the main package, relative to the module: ``.`` or ``./cmd/app``.
        release: Of Go: that which compiles here, or a later one that go.mod wants: ``1.25``.
    """

    context: Path
    module: str
    package: str
    release: str

    @classmethod
    def of(cls, package: MainPackage, go: str) -> "Project":
        """Find the module of a main package.

        Args:
            package: What is built.
            go: The release that compiles it here, such as ``go1.26.8``: images are compared, not compilers.

        Raises:
            UsageError: It is not in a directory of this machine, or its path has strange characters.
        """
        if not package.module_root:
            raise UsageError(
                f"{package.import_path} is in no module of a directory", hint="give the directory of a main package"
            )
        file = read_module_file(f"{package.module_root}/go.mod")
        below = os.path.relpath(package.directory, package.module_root)
        found = cls(
            context=Path(package.root),
            module=os.path.relpath(package.module_root, package.root),
            package="." if below == "." else f"./{below}",
            release=_release(go.removeprefix("go"), file.go if file is not None else ""),
        )
        if _STRANGE.search(found.module + found.package):
            raise UsageError(f"the path {found.module}/{found.package} has characters that a Dockerfile needs quoted")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The base images.

    Attributes:
        golang: With the toolchain on Debian.
        golang_alpine: With the toolchain on Alpine.
        alpine: The runtime image of many.
        distroless: With CA certificates, zones and users, and nothing that can be started.
    """

    golang: str
    golang_alpine: str
    alpine: str = "alpine"
    distroless: str = "gcr.io/distroless/static-debian12:nonroot"

    @classmethod
    def of(cls, release: str) -> "Names":
        """Give those for a release of Go."""
        return cls(golang=f"golang:{release}", golang_alpine=f"golang:{release}-alpine")


@dataclass(frozen=True, slots=True)
class Station:
    """One way to make the image.

    Attributes:
        name: A word, such as ``scratch``.
        title: What is new in it, for people.
        dockerfile: Its text; empty for smidgen's own.
        bases: The images that it is built from.
    """

    name: str
    title: str
    dockerfile: str
    bases: tuple[str, ...]


def stations(project: Project, names: Names, settings: Mapping[str, str]) -> tuple[Station, ...]:
    """Give the stations in their order.

    Args:
        project: What is built.
        names: The base images.
        settings: Those of ``SETTINGS`` that have a value.
    """
    plain, stripped = "", ' -trimpath -ldflags="-s -w"'

    def compiled(golang: str, flags: str, *, static: bool) -> str:
        return _compiled(project, golang, flags, settings, static=static)

    def single(golang: str) -> str:
        return compiled(golang, plain, static=False) + 'ENTRYPOINT ["/usr/local/bin/app"]\n'

    def two(flags: str, base: str, rest: str = "") -> str:
        first = compiled(f"{names.golang_alpine} AS build", flags, static=True)
        return f'{first}\nFROM {base}\nCOPY --from=build /usr/local/bin/app /app\n{rest}ENTRYPOINT ["/app"]\n'

    both = (names.golang_alpine, names.alpine)
    return (
        Station("toolchain", "the whole toolchain on Debian", single(names.golang), (names.golang,)),
        Station("alpine", "the whole toolchain on Alpine", single(names.golang_alpine), (names.golang_alpine,)),
        Station("multi-stage", "the program alone, on Alpine", two(plain, names.alpine), both),
        Station("stripped", "without symbols and debug data", two(stripped, names.alpine), both),
        Station(
            "distroless",
            "no shell, no packages, not root",
            two(stripped, names.distroless),
            (names.golang_alpine, names.distroless),
        ),
        Station(
            "scratch",
            "nothing but the program",
            two(stripped, "scratch", "USER 65534:65534\n"),
            (names.golang_alpine,),
        ),
        Station("smidgen", "the program and what it needs", "", ()),
    )


def _compiled(project: Project, golang: str, flags: str, settings: Mapping[str, str], *, static: bool) -> str:
    """Give the stage that compiles; modules are fetched before the sources come, so that they stay cached."""
    workdir = "/src" if project.module == "." else f"/src/{project.module}"
    mounts = "".join(f"--mount=type=secret,id={name},env={name} " for name in settings)
    lines = [f"FROM {golang}", f"WORKDIR {workdir}"]
    lines += ["ENV CGO_ENABLED=0"] if static else []
    if project.module == "." and not (project.context / "go.work").exists():
        lines += ["COPY go.mod go.su[m] ./", f"RUN {mounts}go mod download"]
    lines += ["COPY . /src/", f"RUN {mounts}go build{flags} -o /usr/local/bin/app {project.package}"]
    return "\n".join(lines) + "\n"


def _release(*texts: str) -> str:
    """Give the latest release that one of *texts* names."""
    found = [(int(match[1]), int(match[2])) for text in texts if (match := _RELEASE.match(text))]
    return "{}.{}".format(*max(found)) if found else _OLDEST
